import { createParamDecorator, type ExecutionContext, Injectable, type PipeTransform } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError, ClientGoneError } from '../common/app-error.js';
import { Steps } from '../common/steps.js';
import { ingestNotes, parsedBody, type RejectedEvent, statedFormat } from './ingest-format.js';
import { IngestMetrics } from './ingest-metrics.js';
import { type Draft, draft, type IngestStep } from './ingest-steps.js';

/** How many invalid fields of a request are named. Beyond these, one for each event. */
const ERRORS_NAMED_AT_MOST = 50;

/** A request's events on their way through the steps. */
export class IngestEvents {
  /** Those that no step has dropped, in the order sent. */
  drafts: Draft[] = [];
  readonly rejected: RejectedEvent[] = [];
  /** How many wrong fields may still be named. */
  room = ERRORS_NAMED_AT_MOST;

  /** @param sentAt when the client sent the request, ms */
  constructor(
    readonly request: FastifyRequest,
    readonly sentAt: number | undefined,
  ) {}

  /** Notes a refused event. @throws `error` itself when it is not a refusal (a 400) */
  reject(index: number, step: IngestStep, error: unknown): void {
    if (!(error instanceof AppError) || error.status !== 400) throw error;
    // At least one error of each event is named, even beyond the limit.
    const errors = (error.errors ?? []).slice(0, this.room);
    this.room = Math.max(1, this.room - errors.length);
    this.rejected.push({ index, step, error, errors });
  }
}

/** The step `parse`: from a request's body to client events, by the format of its route. */
@Injectable()
export class ParsePipe implements PipeTransform<FastifyRequest, Promise<IngestEvents>> {
  constructor(private readonly metrics: IngestMetrics) {}

  /** @throws InvalidInputError for a body that is wrong as a whole */
  async transform(request: FastifyRequest): Promise<IngestEvents> {
    const format = statedFormat(request);
    const { events, sentAt } = parsedBody(request);
    const began = performance.now();
    format.check(request.body);
    const found = new IngestEvents(request, sentAt);
    const steps = stepsOf(request);
    for (let index = 0; index < events.length; index += 1) {
      if (steps.isOver) await letOthersGoOn(steps, request);
      try {
        found.drafts.push(draft(index, format.event(events[index], found.room)));
      } catch (error) {
        found.reject(index, 'parse', error);
      }
    }
    this.metrics.took('parse', ingestNotes(request).parseMs + performance.now() - began);
    return found;
  }
}

/**
 * A thousand events with errors, or from as many different programs, may take 100 ms. Each account waits for itself.
 */
export function stepsOf({ caller }: FastifyRequest): Steps {
  if (caller?.kind !== 'key') throw new Error('Events are taken behind the key guard');
  return Steps.fromNow(caller.ownerId);
}

/**
 * Between two steps of a request.
 * @throws AppError when its client has gone meanwhile: nothing of it is taken, and nobody reads the answer
 */
export async function letOthersGoOn(steps: Steps, { raw }: FastifyRequest): Promise<void> {
  await steps.pause();
  if (raw.socket.destroyed) throw new ClientGoneError();
}

const RequestItself = createParamDecorator((_data: unknown, context: ExecutionContext): FastifyRequest =>
  context.switchToHttp().getRequest<FastifyRequest>(),
);

/** The events of a request, parsed by the format of its route. */
export function Events(): ParameterDecorator {
  return RequestItself(ParsePipe);
}
