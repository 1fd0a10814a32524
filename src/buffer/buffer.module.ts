import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { bullRedisOptions } from '../common/redis.js';
import { Env } from '../config/env.js';
import { BacklogReader } from './backlog.js';
import { BufferKeys, DRAIN_QUEUE } from './buffer-keys.js';
import { BufferRoom } from './buffer-room.js';
import { BufferWriter } from './buffer-writer.js';

/** Names, figures and writer of the buffer, and the queue of alarms: what collect, processing and health share. */
@Module({
  imports: [
    BullModule.forRootAsync({
      inject: [Env],
      useFactory: (env: Env) => ({
        connection: bullRedisOptions(env),
        prefix: new BufferKeys(env.redisKeyPrefix).bull,
        defaultJobOptions: { removeOnComplete: true, removeOnFail: 100, attempts: 1 },
      }),
    }),
    BullModule.registerQueue({ name: DRAIN_QUEUE }),
  ],
  providers: [
    BacklogReader,
    BufferRoom,
    BufferWriter,
    { provide: BufferKeys, inject: [Env], useFactory: (env: Env) => new BufferKeys(env.redisKeyPrefix) },
  ],
  exports: [BacklogReader, BufferKeys, BufferRoom, BufferWriter, BullModule],
})
export class BufferModule {}
