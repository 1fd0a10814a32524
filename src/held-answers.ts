import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long an answer is held, ms. Less than what the log calls slow. */
export const HELD_MS = 700;
/** Answers that a process holds at a time. Holding one takes little: the request was refused, its body is not kept. */
const HELD_MAX = 5000;

/**
 * Sends refusals later, so that whoever repeats a request as soon as it is answered is slowed down: a refusal takes 0.1 to
 * 0.8 ms of the process, and 300 connections that wait for nothing else took all of it. Of one connection, each answer is
 * held after the one before.
 */
export class HeldAnswers {
  private held = 0;
  /** When the last answer of a connection is sent (`performance.now()`). */
  private readonly lastAt = new WeakMap<Socket, number>();

  constructor(
    private readonly heldMs = HELD_MS,
    private readonly heldMax = HELD_MAX,
  ) {}

  /** Closes the connection instead where too many answers are held. @param send not called once the client has gone */
  hold(answer: ServerResponse, send: () => void): void {
    const { socket } = answer.req;
    if (this.held >= this.heldMax) {
      socket.destroy();
      return;
    }
    const now = performance.now();
    const at = Math.max(now, this.lastAt.get(socket) ?? 0) + this.heldMs;
    this.lastAt.set(socket, at);
    this.held += 1;
    const timer = setTimeout(() => {
      answer.off('close', onClose);
      this.held -= 1;
      if (!socket.destroyed) send();
    }, at - now);
    const onClose = (): void => {
      clearTimeout(timer);
      this.held -= 1;
    };
    answer.once('close', onClose);
  }
}
