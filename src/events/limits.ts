/** Limits of what clients may send. Lengths are in characters (Unicode code points) unless stated otherwise. */
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
/** Of a collect body, inflated. */
export const BODY_MAX_BYTES = 1024 * 1024;
/** Of any other body, and of a body whose sender has shown no good key yet. Inflated. */
export const SMALL_BODY_MAX_BYTES = 64 * 1024;
/** Inflated bytes for each byte sent. Counts once SMALL_BODY_MAX_BYTES are inflated. */
export const INFLATE_RATIO_MAX = 100;
/** Levels of a body: those of metadata, those around it, and room for an event that is refused by itself. */
export const BODY_MAX_DEPTH = 32;
/** Different member names in a body. JSON.parse takes 2 µs and more for each name that it has not met before. */
export const BODY_MAX_NAMES = 2000;
/** Values in a body: 100 for each of 1,000 events. */
export const BODY_MAX_VALUES = 100_000;

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
