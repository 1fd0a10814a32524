import type { CarriedTexts } from './event-columns.js';

/** The closed set of device classes; anything else a client says becomes `other`. */
export const DEVICES = ['mobile', 'tablet', 'desktop', 'bot', 'other'] as const;
export type Device = (typeof DEVICES)[number];

/** How a distinct user is known: by the client's user id, its anonymous id, or our cookieless visitor id. */
export const USER_KINDS = ['user', 'anonymous', 'visitor'] as const;
export type UserKind = (typeof USER_KINDS)[number];

export type Metadata = Record<string, unknown>;

/**
 * An event as it was accepted: validated, dated, identified, its user known. It travels from collect to processing in an
 * envelope and is stored as it is. Its optional texts are those of event-columns.ts; metadata is the JSON text of an object.
 * Times are milliseconds since 1970 UTC.
 */
export interface AcceptedEvent extends CarriedTexts {
  /** UUIDv7 as 32 lower-case hex digits: `events.id`. */
  id: string;
  /** The app's UUID as 32 lower-case hex digits. */
  appId: string;
  event: string;
  /** What is counted and what ranges are asked by. Never later than the time in `id`. */
  occurredAt: number;
  receivedAt: number;
  userKind: UserKind;
  /** The value behind the distinct user: user id, anonymous id or visitor id. */
  userValue: string;
  device: Device;
  /** 8 bytes as 16 hex digits over what the client itself said. */
  payloadHash: string;
}
