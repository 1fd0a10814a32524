import { Controller, Module, Post, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as wait } from 'node:timers/promises';
import { AccountChanges, AccountTurns } from './account-turns.interceptor.js';

let running = 0;
let most = 0;

async function change(): Promise<void> {
  running += 1;
  most = Math.max(most, running);
  await wait(50);
  running -= 1;
}

@Module({ providers: [AccountTurns, AccountChanges], exports: [AccountTurns, AccountChanges] })
class Limits {}

@Controller('apps')
@UseInterceptors(AccountTurns)
class Apps {
  @Post()
  change(): Promise<void> {
    return change();
  }
}

@Controller('keys')
@UseInterceptors(AccountTurns)
class Keys {
  @Post()
  change(): Promise<void> {
    return change();
  }
}

@Module({ imports: [Limits], controllers: [Apps] })
class AppsModule {}

@Module({ imports: [Limits], controllers: [Keys] })
class KeysModule {}

@Module({ imports: [AppsModule, KeysModule] })
class Root {}

test('an account runs two changes at a time, whichever modules they belong to', async () => {
  const app = await NestFactory.create<NestFastifyApplication>(Root, new FastifyAdapter(), { logger: false });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      request.caller = { kind: 'user', userId: 'a' } as never;
      done();
    });
  await app.init();
  const paths = ['/apps', '/keys', '/apps', '/keys', '/keys', '/apps'];
  const answers = await Promise.all(paths.map((url) => app.inject({ method: 'POST', url })));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(paths.map(() => 201));
  expect(most).toBe(2);
  await app.close();
});
