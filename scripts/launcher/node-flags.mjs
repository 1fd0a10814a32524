/**
 * For every process of the product: stack traces that name the sources, and room for young objects, since most of what an
 * event needs is short-lived (16 MiB, the default, cost a fifth of the throughput; bench/RESULTS.md).
 */
export const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=64'];
