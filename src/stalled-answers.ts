import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerBytes } from './common/answer-bytes.js';
import type { Logger } from './common/logger.js';
import { PeriodicTask } from './common/periodic-task.js';
import { SMALL_ANSWER_BYTES } from './questions/unsent-answers.js';

/** How long a client may read nothing of an answer before its connection is closed, ms. */
export const STALLED_MS = 30_000;
/** How often connections are looked at, ms. */
const LOOK_EVERY_MS = 1000;

/** What a connection has sent so far. While both numbers stay the same, nothing of it went out. */
interface Progress {
  /** Bytes of the writes that are complete. */
  written: number;
  /** Bytes of the write under way that the system has not taken yet. */
  queued: number;
  /** When it last changed, by `performance.now()`. */
  at: number;
}

/**
 * Closes connections whose client reads nothing of an answer for {@link STALLED_MS}. A slow client goes on for as long as
 * it reads, and a stream that has nothing to say is left alone. Node's own socket timeout would not do: any byte that the
 * client sends restarts it.
 */
export function closeStalledAnswers(fastify: FastifyInstance, logger: Logger, stalledMs = STALLED_MS): void {
  const answers = new Set<ServerResponse>();
  const progress = new WeakMap<Socket, Progress>();
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const answer = reply.raw;
    const isSmall = (answerBytes(payload) ?? Infinity) <= SMALL_ANSWER_BYTES;
    if (!isSmall && !request.raw.socket.destroyed) answers.add(answer.once('close', () => answers.delete(answer)));
    done(null, payload);
  });
  const look = (): void => {
    let closed = 0;
    for (const answer of answers) {
      // Undefined for an answer that waits behind another one on its connection.
      const { socket } = answer;
      if (answer.req.socket.destroyed) answers.delete(answer);
      else if (socket && isStalled(socket, progress, stalledMs)) {
        socket.destroy();
        closed += 1;
      }
    }
    if (closed > 0) logger.info({ closed, afterMs: stalledMs }, 'Closed connections that read nothing of their answer');
  };
  const intervalMs = Math.min(LOOK_EVERY_MS, stalledMs / 4);
  const task = new PeriodicTask({ name: 'stalled-answers', intervalMs, run: look, logger });
  task.start();
  fastify.server.once('close', () => void task.stop());
}

function isStalled(socket: Socket, progress: WeakMap<Socket, Progress>, stalledMs: number): boolean {
  const now = performance.now();
  const before = progress.get(socket);
  const written = socket.bytesWritten - socket.writableLength;
  const queued = queuedBytes(socket);
  const isWaiting = socket.writableLength > 0;
  if (isWaiting && before?.written === written && before.queued === queued) return now - before.at >= stalledMs;
  progress.set(socket, { written, queued, at: now });
  return false;
}

/** Node has no public name for it, and goes by it for its own timeout: one write may hold a whole answer. */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
