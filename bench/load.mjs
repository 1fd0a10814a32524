import autocannon from 'autocannon';

/**
 * Requests for some seconds over a number of connections, each as soon as the one before is answered.
 * @returns requests a second, latencies in ms; throws when any answer is not of the expected status
 */
export async function load({ url, connections, seconds, status = 200, ...request }) {
  const found = await autocannon({ url, connections, duration: seconds, ...request });
  const wrong = Object.entries(found.statusCodeStats ?? {}).filter(([code]) => Number(code) !== status);
  if (wrong.length > 0 || found.errors > 0) {
    throw new Error(`${url}: ${JSON.stringify(Object.fromEntries(wrong))}, ${found.errors} errors`);
  }
  const { p50, p97_5, p99 } = found.latency;
  return { perSecond: found.requests.total / found.duration, p50, p97_5, p99 };
}
