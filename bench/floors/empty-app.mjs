// The floor of memory and of starting: a Nest app of the same modules that does nothing. It answers every post with 202.
import 'reflect-metadata';
import { BullModule } from '@nestjs/bullmq';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { TypeOrmModule } from '@nestjs/typeorm';
import 'class-transformer';
import 'class-validator';
import 'passport-google-oauth20';
import 'prom-client';
import 'rate-limiter-flexible';
import { ENTITIES } from '#dist/database/entities/index.js';

const path = (url) => decodeURIComponent(new URL(url).pathname);
class EmptyController {
  health() {
    return { status: 'ok' };
  }
  collect() {
    return { id: '019b76da-a800-7000-8000-000000000000' };
  }
}
/** @returns {PropertyDescriptor} */
const of = (name) => Object.getOwnPropertyDescriptor(EmptyController.prototype, name) ?? {};
Get('health')(EmptyController.prototype, 'health', of('health'));
Post('collect')(EmptyController.prototype, 'collect', of('collect'));
Controller()(EmptyController);

class EmptyModule {}
Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'mysql',
      username: 'root',
      database: 'tallystone',
      socketPath: new URL(process.env.DATABASE_URL ?? '').searchParams.get('socketPath') ?? undefined,
      entities: ENTITIES,
    }),
    BullModule.forRoot({ connection: { path: path(process.env.REDIS_URL) } }),
    BullModule.registerQueue({ name: 'empty' }),
    JwtModule.register({}),
    PassportModule,
  ],
  controllers: [EmptyController],
})(EmptyModule);

const app = await NestFactory.create(EmptyModule, new FastifyAdapter(), { logger: false });
SwaggerModule.setup('docs', app, SwaggerModule.createDocument(app, new DocumentBuilder().build()));
process.on('SIGTERM', () => process.exit(0));
await app.listen(Number(process.env.PORT), '127.0.0.1');
