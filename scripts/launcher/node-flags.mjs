/**
 * For every process of the product: stack traces that name the sources, and room for young objects, since most of what an
 * event needs is short-lived (bench/PROFILES.md has what the garbage collector takes without and with it).
 */
export const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=64'];
