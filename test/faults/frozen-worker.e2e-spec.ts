import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { encodeEnvelope } from '../../src/events/envelope.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const CHUNK = 50;
const EVENTS = 250;

describe('a worker frozen past its lease', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      apis: 0,
      workers: 0,
      env: { CLAIM_LEASE_MS: '1000', CHUNK_MAX_EVENTS: String(CHUNK) },
    });
  });
  afterAll(() => stack?.stop());

  test('comes back with a chunk in hand that another has committed: the cursor refuses it', async () => {
    const frozen = await stack.startWorker({
      NODE_OPTIONS: '--import ./test/faults/crash-points.mjs',
      CRASH_AT: 'before-begin',
      CRASH_AFTER: '3',
      CRASH_SIGNAL: 'SIGSTOP',
    });
    const events = Array.from({ length: EVENTS }, (_none, i) =>
      acceptedEvent({ eventId: `frozen ${i}`, occurredAt: Date.UTC(2026, 9, 1) + i, userValue: `person ${i % 7}` }),
    );
    await stack.push(0, ...events.map(encodeEnvelope));
    await until(() => state(frozen.child.pid!).startsWith('T'), 'the worker to freeze');
    await stack.startWorker();
    await stack.drained();
    frozen.child.kill('SIGCONT');
    expect(await frozen.stop()).toBe(0);
    expect(await storedCounts(stack)).toEqual(countNaively(events));
    const ledger = await stack.query<{ first: string; received: string }>(
      'SELECT first_index AS first, received FROM ingest_batches ORDER BY first_index, committed_at',
    );
    expect(ledger.map(({ first, received }) => [Number(first), Number(received)])).toEqual(
      Array.from({ length: EVENTS / CHUNK }, (_none, i) => [i * CHUNK, CHUNK]),
    );
  });
});

/** One letter, T: stopped by a signal. Small Linux images have no ps. */
function state(pid: number): string {
  if (existsSync('/proc')) return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!;
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}
