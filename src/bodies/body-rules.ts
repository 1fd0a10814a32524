import type { ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { AppError } from '../common/app-error.js';

/** Who has shown a good key or user token. */
export interface BodySender {
  /** The account, 32 hex digits. */
  readonly ownerId: string;
}

/** What a route's bodies look like: all that is known of them before JSON.parse. */
export interface BodyShape {
  /** Top-level fields that may hold an API key. The first one with a text decides; the first name is the one that errors state. */
  readonly keyFields: readonly string[];
  /** The top-level field that holds the list of events, where there is one: errors name the event's place in it. */
  readonly eventsField?: string;
}

/** What a route asks of a body, and of its sender, before the body is parsed. */
export interface BodyRules<Sender extends BodySender = BodySender> {
  /** The largest body, bytes once inflated. */
  readonly maxBytes: number;

  /**
   * Looks at the headers, before the body is read.
   * @returns whose good key or user token they show; undefined when they show none
   * @throws AppError to refuse the request with its body unread
   */
  senderOf(request: FastifyRequest): Sender | undefined;

  /**
   * Called before JSON.parse: bodies of the sender that failed meanwhile may have used up its limit.
   * @throws RateLimitedError
   */
  assertMaySend(request: FastifyRequest, sender: Sender): void;

  /**
   * Called right before JSON.parse: reserves memory for the parsed body.
   * @returns releases the reservation; called once, when the request is answered or its connection closed
   * @throws AppError when there is no room
   */
  begin?(sender: Sender, size: BodySize): () => void;

  /**
   * Charges a body that was refused, or did not come to its end, so that a flood of these is refused as one of good ones is.
   * @param size of what was read; names only where the body came to JSON.parse
   */
  noteFailed(request: FastifyRequest, sender: Sender, size: BodySize): void;

  /** Routes that take an API key in the body. */
  readonly inBody?: {
    shapeOf(request: FastifyRequest): BodyShape;
    /** @param key as it stands in the body @throws AppError for a key that is not good, or is over its limits */
    admit(request: FastifyRequest, key: string): Sender;
    /** The answer to a request without any key. */
    missing(request: FastifyRequest): AppError;
  };
}

/** A body as it was read. */
export interface BodySize {
  /** Bytes, inflated. */
  bytes: number;
  /** Different member names. */
  names: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set when a body was read; undefined for a request without one. */
    bodySize?: BodySize;
    /** Who has shown a good key or user token, once the body's reader knows. */
    bodySender?: BodySender;
    /** Whether a body that failed was charged to its sender. */
    bodyCharged?: boolean;
    /** The answer as Node has it: `close` is when it was sent, or its connection lost. */
    answer: ServerResponse;
  }
}
