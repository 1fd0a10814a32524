import { registerApp, signIn } from '../support/client.js';
import { ServerProcess } from '../support/server-process.js';
import { type Stack, startStack } from '../support/stack.js';
import { Chaos, CRASH_POINTS, type Fault, FAULTS } from './chaos.js';
import { check } from './checker.js';
import { Load, UNSTORABLE } from './load.js';
import { FaultServices } from './services.js';

/** `npm run soak -- --minutes N` sets this; without it each fault is done once, at a tenth of the true times. */
const minutes = Number(process.env.SOAK_MINUTES ?? 0);
const short = minutes === 0;
/** BullMQ's lock is 30 s: a frozen worker must outlast it, and its lease. */
const FREEZE_MS = short ? 4500 : 35_000;
/** So long that the engine's work of that time is found in the outbox. */
const AWAY_MS = short ? 3000 : 120_000;
const SHORT_TIMES = {
  CLAIM_LEASE_MS: '3000',
  LOCK_WAIT_TIMEOUT_S: '1',
  FLUSH_INTERVAL_MS: '100',
  COPY_TIMEOUT_MS: '3000',
  READY_WORKER_MAX_AGE_MS: '6000',
  READY_BACKLOG_MAX_AGE_MS: '12000',
};
const TRUE_TIMES = { FLUSH_INTERVAL_MS: '1000', COPY_TIMEOUT_MS: '30000' };
/** Each crash point; a run of a few minutes does what it can. */
const CRASHES_AT_LEAST = short ? 1 : minutes >= 10 ? 5 : 0;
const DRAINED_WITHIN_MS = 180_000;

describe('counted exactly once, whatever dies', () => {
  let services: FaultServices;
  let stack: Stack;
  beforeAll(async () => {
    services = await FaultServices.start();
    stack = await startStack({
      apis: 2,
      workers: 2,
      services: services.urls,
      engine: 'own',
      env: short ? SHORT_TIMES : TRUE_TIMES,
    });
    await stack.query(`ALTER TABLE events ADD CONSTRAINT storable CHECK (session_id NOT LIKE '${UNSTORABLE}%')`);
  });
  afterAll(async () => {
    await stack?.stop();
    await services?.stop();
  });

  test(
    'contract §4: every acknowledged event is stored or dead-lettered, once, and every rollup equals a recount',
    async () => {
      const app = await registerApp(stack.url, await signIn(stack.url));
      const load = new Load(app, () => stack.apis.map((api) => api.url), short ? 600 : 40);
      const chaos = new Chaos(stack, services, FREEZE_MS, AWAY_MS);
      const progress = progressLine(load, chaos);
      load.start(4);
      try {
        const end = Date.now() + minutes * 60_000;
        do {
          for (const fault of shuffled(short ? FAULTS : [...FAULTS, ...CRASH_POINTS])) {
            await chaos.inflict(fault);
            progress(fault);
            if (!short && Date.now() > end) break;
          }
        } while (Date.now() < end);
        // On a slow machine the time may not have been enough.
        while (chaos.seldom(CRASHES_AT_LEAST).length > 0) {
          const [point] = chaos.seldom(CRASHES_AT_LEAST) as [Fault];
          await chaos.inflict(point);
          progress(point);
        }
      } finally {
        await load.stop();
      }
      await stack.drained(DRAINED_WITHIN_MS);
      const verdict = await check(stack, load, app);
      report({
        ...verdict,
        kills: Object.fromEntries(chaos.done),
        statuses: Object.fromEntries(load.statuses),
        longestOutageMs: load.longestOutageMs,
      });
      expect(verdict).toMatchObject({ lost: 0, twice: 0, foreign: 0, wronglyDead: 0, wrongCells: 0, unbalanced: 0 });
      expect(verdict).toMatchObject({ notCopied: 0, copiedTwice: 0, copiedWrong: 0 });
      expect(verdict.acknowledged).toBeGreaterThan(1000);
      expect(verdict.deadLettered).toBeGreaterThan(0);
      expect([...load.statuses.keys()].filter((status) => ![202, 503, 'no answer'].includes(status))).toEqual([]);
      expect(chaos.seldom(CRASHES_AT_LEAST)).toEqual([]);
      const audit = ServerProcess.start('audit-counts', stack.variables, ['--deep']);
      expect(await audit.ended()).toBe(0);
      expect(audit.text).toContain('0 differences');
    },
    // It takes under two minutes on two idle cores; the limit is for machines that have other things to do.
    short ? 900_000 : (minutes + 10) * 60_000,
  );
});

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function progressLine(load: Load, chaos: Chaos): (fault: string) => void {
  const begun = Date.now();
  return (fault) => {
    if (short) return;
    const faults = [...chaos.done.values()].reduce((sum, n) => sum + n, 0);
    const passed = ((Date.now() - begun) / 60_000).toFixed(1);
    process.stderr.write(
      `${passed} of ${minutes} min · ${load.acknowledged.size} acknowledged · ${faults} faults, the last: ${fault}\n`,
    );
  };
}

/** What was seen stands beside the result, also where all is well. */
function report(seen: object): void {
  process.stderr.write(`${JSON.stringify(seen)}\n`);
}
