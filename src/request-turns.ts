import type { FastifyRequest } from 'fastify';
import type { ServerResponse } from 'node:http';
import { AppError, ClientGoneError } from './common/app-error.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request that is taking a turn. */
    endTurn?: EndTurn;
  }
}

/** Requests of one sender that are under way at a time. */
const ALONE = 64;
/** Of all senders together, while several send. Each has one at least. */
const SHARED = 48;
/** Another sender counts so long after its latest request, ms. */
const SHARED_FOR_MS = 1000;
/** Requests of a sender that may wait. */
const WAITING_MAX = 2000;

/** Ends a request's turn. May be called again. */
export type EndTurn = () => void;

type Begin = (end: EndTurn) => void;

/** The requests of one sender. */
interface Sender {
  running: number;
  readonly waiting: Begin[];
}

/**
 * Bounds how many requests of one sender are under way, so that another sender's request does not wait behind all of them. From
 * 300 connections that sent without a pause, 300 requests went through each step together, and everybody else took as long.
 * Whoever has none under way begins at once. The others wait, and senders take turns.
 */
export class RequestTurns {
  private readonly senders = new Map<string, Sender>();
  /** Whose turns have ended in this turn of the event loop. Their places are free in the next one. */
  private ended: [name: string, sender: Sender][] = [];
  private drains = false;
  private current = '';
  private currentAt = -Infinity;
  private sharedUntil = -Infinity;

  constructor(private readonly waitingMax = WAITING_MAX) {}

  /**
   * @param name of the sender: an account, or a network without a credential
   * @param begin called now or later, with what ends the turn
   * @throws AppError 429 when too many of the sender's requests wait
   */
  take(name: string, begin: Begin): void {
    this.note(name);
    let sender = this.senders.get(name);
    if (!sender) this.senders.set(name, (sender = { running: 0, waiting: [] }));
    if (sender.waiting.length === 0 && sender.running < this.most()) return this.begin(name, sender, begin);
    if (sender.waiting.length >= this.waitingMax) {
      const detail = 'Too many of your requests wait for their turn. Send fewer at a time; try again in a second.';
      throw new AppError(429, 'too_many_at_once', detail, { headers: { 'retry-after': '1' } });
    }
    sender.waiting.push(begin);
  }

  private begin(name: string, sender: Sender, begin: Begin): void {
    sender.running += 1;
    let ended = false;
    begin(() => {
      if (ended) return;
      ended = true;
      this.ended.push([name, sender]);
      this.drainLater();
    });
  }

  /** Notes whether several send. */
  private note(name: string): void {
    const now = performance.now();
    if (name !== this.current) {
      if (now - this.currentAt < SHARED_FOR_MS) this.sharedUntil = now + SHARED_FOR_MS;
      this.current = name;
    }
    this.currentAt = now;
  }

  /** Of each sender. */
  private most(): number {
    if (performance.now() >= this.sharedUntil) return ALONE;
    return Math.max(1, Math.floor(SHARED / Math.max(2, this.senders.size)));
  }

  /** In a later turn of the event loop, so that others are read in between: many requests are answered without waiting. */
  private drainLater(): void {
    if (this.drains) return;
    this.drains = true;
    setImmediate(() => {
      this.drains = false;
      this.drain();
    });
  }

  private drain(): void {
    for (const [name, sender] of this.ended) {
      sender.running -= 1;
      if (sender.running === 0 && sender.waiting.length === 0) this.senders.delete(name);
    }
    this.ended = [];
    const most = this.most();
    let some = true;
    while (some) {
      some = false;
      for (const [name, sender] of this.senders) {
        if (sender.running >= most || sender.waiting.length === 0) continue;
        some = true;
        this.begin(name, sender, sender.waiting.shift()!);
      }
    }
  }
}

/**
 * Lets a request go on in its turn, which ends when its answer is ready, or its connection closed. Not when the answer was
 * sent: that may wait for an earlier request of the connection, which waits for its own turn.
 */
export function beginTurn(
  request: FastifyRequest,
  answer: ServerResponse,
  end: EndTurn,
  done: (error?: Error) => void,
) {
  if (request.raw.socket.destroyed) {
    end();
    return done(new ClientGoneError());
  }
  request.endTurn = end;
  answer.once('close', end);
  done();
}
