import type { ClientEvent } from '../events/client-event.js';
import type { AcceptedEvent } from '../events/event.js';
import { storedAddress } from './client-address.js';
import { clientDevice, type ClientDevice, UNKNOWN_DEVICE } from './client-device.js';
import { type IngestContext, normalised } from './normalise.js';

/**
 * What is done with every request that brings events, in this order. Each step reports its duration and what it dropped in
 * /metrics (ingest-metrics.ts). Reading the body and JSON.parse come before and are in no duration; what they refuse counts as
 * drops of `parse`.
 * - `key`: whose key it is, and whether it may send that much now (CollectBodies, IngestKeyGuard, RateLimitGuard)
 * - `parse`: from the parsed JSON to checked client events (the format's `parse`, ParsePipe)
 * - `address`, `device`, `normalise`: {@link EVENT_STEPS}
 * - `append`: into Redis's append-only file (BufferService)
 */
export const INGEST_STEPS = ['key', 'parse', 'address', 'device', 'normalise', 'append'] as const;
export type IngestStep = (typeof INGEST_STEPS)[number];

/** An event on its way through the steps. */
export interface Draft {
  /** Place in the request. */
  readonly index: number;
  readonly fields: ClientEvent;
  /** Set by the step `address`: what is stored. */
  ip: string | undefined;
  /** Set by the step `device`. */
  device: ClientDevice;
  /** Set by the step `normalise`. */
  event: AcceptedEvent | undefined;
}

export function draft(index: number, fields: ClientEvent): Draft {
  return { index, fields, ip: undefined, device: UNKNOWN_DEVICE, event: undefined };
}

/** A step that looks at one event at a time. */
interface EventStep {
  readonly name: IngestStep;
  /** @throws AppError 400 to drop this event */
  run(draft: Draft, context: IngestContext): void;
}

export const EVENT_STEPS: readonly EventStep[] = [
  { name: 'address', run: setAddress },
  { name: 'device', run: setDevice },
  { name: 'normalise', run: setEvent },
];

function setAddress(draft: Draft, { address, ipMode }: IngestContext): void {
  draft.ip = storedAddress(draft.fields.ipAddress, address, ipMode);
}

function setDevice(draft: Draft, { userAgent, platform }: IngestContext): void {
  draft.device = clientDevice(draft.fields, userAgent, platform);
}

function setEvent(draft: Draft, context: IngestContext): void {
  draft.event = normalised(draft.fields, draft.ip, draft.device, context);
}

/**
 * Why a step drops events or refuses requests: codes of answers. A code that several steps use is counted where it arose.
 * Every other code, such as `internal_error`, counts as `other`, so that /metrics has all reasons from the start.
 */
export const DROP_REASONS = {
  key: [
    ...['key_missing', 'key_malformed', 'key_expired', 'key_revoked', 'wrong_token_kind', 'account_locked'],
    ...['scope_missing', 'origin_not_allowed', 'revocations_unknown', 'rate_limited', 'batch_over_limit'],
    'other',
  ],
  parse: [
    ...['invalid_input', 'invalid_json', 'invalid_utf8', 'invalid_gzip', 'body_missing', 'body_incomplete'],
    ...['body_too_large', 'body_inflates_too_much', 'body_too_complex', 'bodies_too_slow'],
    ...['too_many_at_once', 'too_busy', 'client_gone'],
    ...['unsupported_media_type', 'unsupported_charset', 'unsupported_encoding', 'host_twice'],
    'other',
  ],
  address: ['other'],
  device: ['invalid_input', 'other'],
  normalise: ['invalid_input', 'event_id_needs_timestamp', 'too_old', 'registry_unavailable', 'other'],
  append: ['buffer_full', 'buffer_share_exceeded', 'buffer_unavailable', 'other'],
} as const satisfies Record<IngestStep, readonly string[]>;

/** Labels of a drop in /metrics. */
export type Drop = { [Step in IngestStep]: { step: Step; reason: (typeof DROP_REASONS)[Step][number] } }[IngestStep];

/** @param code of the error @param step where the event was dropped */
export function drop(code: string, step: IngestStep): Drop {
  const reasons: readonly string[] = DROP_REASONS[step];
  return { step, reason: reasons.includes(code) ? code : 'other' } as Drop;
}

/** The step that a code belongs to; undefined for one that several steps use. */
const STEP_OF = new Map<string, IngestStep | undefined>();
for (const step of INGEST_STEPS) {
  for (const reason of DROP_REASONS[step]) STEP_OF.set(reason, STEP_OF.has(reason) ? undefined : step);
}

/** @param code of the answer @param noted the step that the request had come to */
export function requestDrop(code: string, noted: IngestStep): Drop {
  return drop(code, STEP_OF.get(code) ?? noted);
}
