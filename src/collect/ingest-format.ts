import type { FastifyRequest } from 'fastify';
import type { BodyShape } from '../bodies/body-rules.js';
import type { AppError, FieldError } from '../common/app-error.js';
import type { ClientEvent } from '../events/client-event.js';
import type { AcceptedEvent } from '../events/event.js';
import type { IngestStep } from './ingest-steps.js';

/**
 * What clients send on one route, and how they are answered. A route states its format
 * (collect-route.decorator.ts); body reader, key guard, limits and CORS read the format and know neither paths nor bodies.
 * docs/adr/0022-ingest-steps-and-formats.md shows how to add one.
 */
export interface IngestFormat<Answer extends object = object> extends BodyShape {
  /** The most events of a body. A body that holds more counts as this many against the limits. */
  readonly maxEvents: number;

  /**
   * Takes a body apart. Never refuses anything: key and limits are checked before the body is judged.
   * @param body as JSON.parse returns it; undefined for a request without a body
   */
  parse(body: unknown): ParsedBody;

  /** Judges the body as a whole, once key and limits are good. @throws InvalidInputError naming each wrong field */
  check(body: unknown): void;

  /**
   * Checks one event.
   * @param entry of {@link ParsedBody.events} @param errorsMax how many unknown fields are named one by one
   * @throws AppError 400 to drop this event
   */
  event(entry: unknown, errorsMax: number): ClientEvent;

  /** Makes the answer, after the append. @throws AppError to refuse a request of which no event was accepted */
  answer(outcome: IngestOutcome): Answer;
}

/** A body, taken apart. */
export interface ParsedBody {
  /** Unchecked. */
  events: readonly unknown[];
  /** When the client sent the request: the default for events without a `sentAt` of their own. ms */
  sentAt?: number;
  /** The API key. It is taken out of the body, so that it is never hashed, stored or logged. */
  key?: string;
}

/** What became of a request's events. */
export interface IngestOutcome {
  /** On disk, in the order sent. */
  accepted: readonly AcceptedEvent[];
  /** In the order sent. */
  rejected: readonly RejectedEvent[];
}

export interface RejectedEvent {
  /** Place among {@link ParsedBody.events}. */
  index: number;
  /** Which step dropped it. */
  step: IngestStep;
  error: AppError;
  /** As many of the error's fields as the answer has room for; at least one. */
  errors: readonly FieldError[];
}

/** What the steps keep about a request. */
interface IngestNotes {
  /** The request's body, once it is taken apart. */
  body?: ParsedBody;
  /** The step that the request has come to: it is the one that refuses the request, unless the reason is another step's alone. */
  step: IngestStep;
  /** Whether its refused events are in the metrics, so that its own refusal is not. */
  countedDrops: boolean;
  /** Time that the step `key` has taken so far, ms. */
  keyMs: number;
  /** Time that the step `parse` has taken so far, ms. */
  parseMs: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route that takes events. */
    ingestFormat?: IngestFormat;
  }
  interface FastifyRequest {
    /** Only on routes that take events. */
    ingest?: IngestNotes;
  }
}

/** The format of a request's route; undefined for routes that take no events. */
export function formatOf(request: FastifyRequest): IngestFormat | undefined {
  return request.routeOptions.config?.ingestFormat;
}

/** @throws Error on a route that states no format */
export function statedFormat(request: FastifyRequest): IngestFormat {
  const format = formatOf(request);
  if (!format) throw new Error('A route that takes events must state its ingest format');
  return format;
}

export function ingestNotes(request: FastifyRequest): IngestNotes {
  return (request.ingest ??= { step: 'parse', countedDrops: false, keyMs: 0, parseMs: 0 });
}

/** The request's body, taken apart by its route's format. */
export function parsedBody(request: FastifyRequest): ParsedBody {
  const notes = ingestNotes(request);
  if (!notes.body) {
    const began = performance.now();
    notes.body = statedFormat(request).parse(request.body);
    notes.parseMs += performance.now() - began;
  }
  return notes.body;
}

/** Adds the time of a check to the step `key`. @throws what the check throws */
export function timeKeyCheck<Result>(request: FastifyRequest, check: () => Result): Result {
  const began = performance.now();
  const result = check();
  ingestNotes(request).keyMs += performance.now() - began;
  return result;
}
