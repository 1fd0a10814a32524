import type { Metadata } from './event.js';

/**
 * One event as its client stated it: checked, under our names, with nothing derived yet. Every ingest format produces these
 * (collect/ingest-format.ts). Times are milliseconds since 1970 UTC.
 */
export interface ClientEvent {
  event: string;
  /** The client's own id of the event. */
  eventId?: string;
  /** When it happened. */
  timestamp?: number;
  /** When the client sent it, by the client's clock. */
  sentAt?: number;
  userId?: string;
  anonymousId?: string;
  sessionId?: string;
  url?: string;
  referrer?: string;
  /** Any text: a device that we do not know counts as other. */
  device?: string;
  userAgent?: string;
  /** In canonical spelling. */
  ipAddress?: string;
  metadata?: Metadata;
}
