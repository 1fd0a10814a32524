import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerBytes } from '../common/answer-bytes.js';
import { AppError } from '../common/app-error.js';
import { countsFor } from '../common/caller.js';

/** Bytes of answers that one account may leave unread in a process before it is refused further reads. */
export const UNSENT_MAX_BYTES = 32 * 1024 * 1024;
/**
 * An answer of up to this size is not counted: the system's socket buffer takes it at once, and Node reads no further request of
 * a client that does not read its answers. Counting every answer to a posted event would slow collecting down.
 */
export const SMALL_ANSWER_BYTES = 16 * 1024;

/**
 * Counts, for each account, the bytes of answers that its clients have not read yet. An answer stays in memory until the
 * client has taken it, so a client that asks and does not read would otherwise fill the memory of the process. Streams
 * are not counted: they produce no more than a buffer's worth ahead of their reader.
 */
@Injectable()
export class UnsentAnswers {
  private readonly bytes = new Map<string, number>();
  /** What takes the unread answers of a connection out of the count. */
  private readonly held = new WeakMap<Socket, Set<() => void>>();

  /**
   * Counts the answers to signed-in people and API keys that are larger than {@link SMALL_ANSWER_BYTES}, from when each is ready
   * until its connection is done with it.
   */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onSend', ({ caller, raw: { socket } }, reply, payload, done) => {
      const bytes = answerBytes(payload) ?? 0;
      // A connection that closed while the answer was computed reports nothing any more.
      if (caller && bytes > SMALL_ANSWER_BYTES && !socket.destroyed) this.count(countsFor(caller), bytes, reply.raw);
      done(null, payload);
    });
  }

  /**
   * @param account as {@link countsFor} names it
   * @throws AppError 429 too_many_unread_bytes while too much is unread
   */
  assertRoom(account: string): void {
    if ((this.bytes.get(account) ?? 0) <= UNSENT_MAX_BYTES) return;
    const mebibytes = UNSENT_MAX_BYTES / 1024 / 1024;
    const detail = `More than ${mebibytes} MiB of answers to this account are unread. Read them, then ask again.`;
    throw new AppError(429, 'too_many_unread_bytes', detail, { headers: { 'retry-after': '5' } });
  }

  private count(account: string, bytes: number, answer: ServerResponse): void {
    const { socket } = answer.req;
    const held = this.held.get(socket) ?? this.hold(socket);
    const release = (): void => {
      if (held.delete(release)) this.add(account, -bytes);
    };
    held.add(release);
    this.add(account, bytes);
    answer.once('close', release);
  }

  /** An answer that waits behind another one on its connection is not told that the connection closed. */
  private hold(socket: Socket): Set<() => void> {
    const held = new Set<() => void>();
    this.held.set(socket, held);
    socket.once('close', () => {
      for (const release of held) release();
    });
    return held;
  }

  private add(account: string, bytes: number): void {
    const sum = (this.bytes.get(account) ?? 0) + bytes;
    if (sum > 0) this.bytes.set(account, sum);
    else this.bytes.delete(account);
  }
}
