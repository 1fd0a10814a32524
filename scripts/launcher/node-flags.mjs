/**
 * For every process of the product: stack traces that name the sources, and flags for the garbage collector, since most of what
 * an event needs is short-lived. Young objects get room, and V8 does not guess which objects will live long: what it sees while
 * a process starts misleads it, so that parts of every request went to the old generation (bench/PROFILES.md has the figures).
 */
export const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=64', '--no-allocation-site-pretenuring'];

/** For the engine, whose memory is ClickHouse's: it has few objects of its own. */
export const ENGINE_FLAGS = ['--enable-source-maps'];
