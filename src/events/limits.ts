/** Limits of the wire contract. Lengths are in characters (Unicode code points) unless said. */
export const EVENT_NAME_MAX = 128;
export const EVENT_ID_MAX = 128;
export const USER_ID_MAX = 128;
export const URL_MAX = 2048;
export const USER_AGENT_MAX = 512;
/** The longest text of an IPv6 address, one that ends in IPv4. */
export const ADDRESS_MAX = 45;
export const METADATA_MAX_BYTES = 32 * 1024;
export const METADATA_MAX_DEPTH = 16;
export const BATCH_MAX_EVENTS = 1000;
/** Inflated. */
export const BODY_MAX_BYTES = 1024 * 1024;

/** The oldest time an event may state. */
export const EARLIEST_TIME_MS = Date.UTC(1980, 0, 1);
/** How far ahead of receipt an event's time may be, after correction. */
export const FUTURE_TOLERANCE_MS = 10 * 60_000;
/** A `sentAt` this far ahead of receipt shows a fast clock. */
export const CLOCK_SKEW_MS = 60_000;
/** Rollups are kept by UTC quarter-hour: every zone's offset since 1980 is a multiple of it. */
/** Quarter-hours of a UTC day. */
export const QUARTERS_A_DAY = 96;
export const MINUTE_MS = 60_000;
export const QUARTER_MS = 15 * MINUTE_MS;
export const DAY_MS = 24 * 60 * 60_000;
