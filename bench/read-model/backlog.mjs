import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { rounds } from '../rounds.mjs';
import { CHUNK, Floor, intoBuffer, maker } from '../worker.mjs';
import { Workbench } from '../workbench.mjs';
import { outboxIsEmpty } from './caught-up.mjs';
import { unpackPreviousRelease } from './previous-release.mjs';

/**
 * Workers with a full backlog, until MySQL and ClickHouse hold all of it: against LOAD DATA and prepared rollups; two against
 * one; and, on empty databases, against the release before.
 */
export async function benchBacklog(bench, { apps, chunks, times, seconds, isSmoke, progress }) {
  const make = maker(apps);
  const events = () => make(chunks * CHUNK);
  const floor = await Floor.open(bench);
  /** @type {Record<string, any>} */
  const found = {};
  try {
    found.one = await rounds(
      { floor: () => floor.measure(events()), product: () => drain(bench, events(), 1) },
      times,
      progress,
    );
    found.two = await rounds(
      {
        one: () => drain(bench, events(), 1),
        two: () => drain(bench, events(), 2),
        oneLoop: () => loops(1, seconds),
        twoLoops: () => loops(2, seconds),
      },
      times,
      progress,
    );
  } finally {
    await floor.close();
  }
  found.previous = isSmoke
    ? { missing: 'building it takes a minute' }
    : await againstPreviousRelease(bench, { apps, chunks, times, progress });
  return found;
}

async function againstPreviousRelease(bench, { apps, chunks, times, progress }) {
  const release = await unpackPreviousRelease(bench.folder);
  if (release.missing) return release;
  const [now, before] = [new Workbench(), new Workbench({ root: release.folder })];
  try {
    for (const one of [now, before]) await one.open();
    await now.startEngine();
    const sides = { before: maker(apps), now: maker(apps) };
    return {
      version: release.version,
      ...(await rounds(
        {
          before: () => drain(before, sides.before(chunks * CHUNK), 1, { copies: false }),
          now: () => drain(now, sides.now(chunks * CHUNK), 1),
        },
        times,
        (line) => progress(`on empty databases ${line}`),
      )),
    };
  } finally {
    for (const one of [now, before]) await one.close();
  }
}

/**
 * `copies`: whether ClickHouse is to be caught up too.
 * @returns events a second until all is committed and copied, and until all is committed
 */
export async function drain(bench, events, workers, { copies = true } = {}) {
  const { db } = bench;
  await intoBuffer(bench, events);
  const [[{ since }]] = await db.query('SELECT UTC_TIMESTAMP(3) AS since');
  const running = await Promise.all(Array.from({ length: workers }, () => bench.worker()));
  const stored = async () => {
    const [[{ n }]] = await db.query('SELECT SUM(received) AS n FROM ingest_batches WHERE committed_at >= ?', [since]);
    return Number(n);
  };
  while ((await stored()) < events.length) await wait(100);
  const copiedAt = copies ? await outboxIsEmpty(bench) : 0;
  for (const worker of running) await worker.stop();
  const [commits] = await db.query(
    'SELECT received, committed_at AS time FROM ingest_batches WHERE committed_at >= ? ORDER BY committed_at',
    [since],
  );
  // The first third is for getting warm: the floor's statements have no compiler to warm up.
  const begin = Math.ceil(commits.length / 3);
  const counted = commits.slice(begin + 1).reduce((sum, { received }) => sum + received, 0);
  const [from, to] = [commits[begin].time.getTime(), commits.at(-1).time.getTime()];
  return {
    perSecond: (counted * 1000) / (Math.max(to, copiedAt) - from),
    committedPerSecond: (counted * 1000) / (to - from),
  };
}

const LOOP = `const until = performance.now() + Number(process.argv[1]) * 1000;
let n = 0;
while (performance.now() < until) { JSON.parse(JSON.stringify({ n, text: 'text', list: [1, 2, 3] })); n += 1; }
console.log(n);`;

/** What plain loops reach at once, which share nothing but the machine. @returns rounds a second, of all of them */
async function loops(count, seconds) {
  const one = async () => {
    const child = spawn(process.execPath, ['-e', LOOP, String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    await new Promise((resolve) => child.once('close', resolve));
    return Number(text);
  };
  const all = await Promise.all(Array.from({ length: count }, one));
  return { perSecond: all.reduce((sum, n) => sum + n, 0) / seconds };
}
