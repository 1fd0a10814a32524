/** The closed set of device classes; anything else a client says becomes `other`. */
export const DEVICES = ['mobile', 'tablet', 'desktop', 'bot', 'other'] as const;
export type Device = (typeof DEVICES)[number];

/** How a distinct user is known: by the client's user id, its anonymous id, or our cookieless visitor id. */
export const USER_KINDS = ['user', 'anonymous', 'visitor'] as const;
export type UserKind = (typeof USER_KINDS)[number];

export type Metadata = Record<string, unknown>;

/**
 * An event as it was accepted: validated, dated, identified, its user known. It travels from collect to processing in an
 * envelope and is stored as it is. Times are milliseconds since 1970 UTC.
 */
export interface AcceptedEvent {
  /** UUIDv7 as 32 lower-case hex digits: `events.id`. */
  id: string;
  /** The app's UUID as 32 lower-case hex digits. */
  appId: string;
  /** As the client sent it; absent when it sent none. */
  eventId?: string;
  event: string;
  /** What is counted and what ranges are asked by. Never later than the time in `id`. */
  occurredAt: number;
  receivedAt: number;
  userKind: UserKind;
  /** The value behind the distinct user: user id, anonymous id or visitor id. */
  userValue: string;
  /** Kept beside the user id when the client sent both. */
  anonymousId?: string;
  sessionId?: string;
  url?: string;
  referrer?: string;
  device: Device;
  browser?: string;
  os?: string;
  /** Only where the payload named one. */
  userAgent?: string;
  ip?: string;
  /** JSON text of an object. */
  metadata?: string;
  /** 8 bytes as 16 hex digits over what the client itself said. */
  payloadHash: string;
}
