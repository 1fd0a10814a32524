import '../scripts/launcher/node-version.mjs';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../scripts/launcher/settings.mjs';
import { readable, say, warn } from '../scripts/launcher/terminal.mjs';
import { benchAbuse } from './abuse/run.mjs';
import { benchCollect } from './collect.mjs';
import { fill } from './fill.mjs';
import { benchMemory, benchSize, benchStart } from './footprint.mjs';
import { benchFreshness, benchPipeline } from './pipeline.mjs';
import { benchQueries } from './queries.mjs';
import { benchReadModel, READ_MODEL_SECTIONS } from './read-model/run.mjs';
import { report } from './report.mjs';
import { Workbench } from './workbench.mjs';
import { benchWorker } from './worker.mjs';

// npm run bench [-- collect|worker|queries|pipeline|footprint …] [--events N] [--save] [--smoke]: each part against its floor, in
// turn, on services of its own. Without a part it does all of them and writes bench/RESULTS.md; with --save, parts that are
// named take the place of their rows there.
// npm run bench -- read-model [SECTION …]: the copy in ClickHouse. `mixed`, of an hour, runs only where it is named.
// npm run bench -- abuse [ATTACK …] [--short]: what other accounts notice while one floods the service.

const PARTS = ['collect', 'worker', 'pipeline', 'queries', 'footprint', 'read-model'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    outage: { type: 'string' },
    minutes: { type: 'string' },
    events: { type: 'string' },
  },
});
const isAbuse = positionals[0] === 'abuse';
const isReadModel = positionals[0] === 'read-model';
const sections = isReadModel ? positionals.slice(1) : [];
const known = isReadModel ? ['read-model', ...READ_MODEL_SECTIONS] : PARTS;
const unknown = isAbuse ? undefined : positionals.find((part) => !known.includes(part));
const FULL = {
  events: 10_000_000,
  times: 3,
  seconds: 8,
  chunks: 100,
  asks: 400,
  pipeline: 60,
  fresh: 1000,
  minutes: 10,
  probes: 300,
  outage: 300,
  mixed: 60,
  idle: 60,
  isSmoke: false,
};
/** Shows that every part works, and measures nothing. */
const SMOKE = {
  ...{ events: 3650, times: 1, seconds: 1, chunks: 4, asks: 10, pipeline: 3, fresh: 10, minutes: 0 },
  ...{ probes: 5, outage: 3, mixed: 0.1, idle: 1, isSmoke: true },
};
const scale = {
  ...(values.smoke ? SMOKE : FULL),
  ...(values.events ? { events: Number(values.events) } : {}),
  ...(values.outage ? { outage: Number(values.outage) } : {}),
  ...(values.minutes ? { mixed: Number(values.minutes) } : {}),
};
/** The read model starts engines and workers for minutes: it runs in short only where it is named. */
const usual = values.smoke ? PARTS.filter((part) => part !== 'read-model') : PARTS;
const parts = new Set(isReadModel ? ['read-model'] : positionals.length > 0 ? positionals : usual);
const RESULTS = join(ROOT, 'bench', 'RESULTS.md');
const FIGURES = join(ROOT, 'bench', 'results.json');
const APPS = ['Large', 'Tenth', 'Twentieth', 'Fiftieth', 'Hundredth'];

async function run(bench) {
  const progress = (line) => say(`  ${line}`);
  /** @type {Record<string, any>} */
  const found = { scale };
  const who = await bench.signedIn(APPS);
  const part = async (name, title, measure) => {
    if (!parts.has(name)) return;
    say(title);
    Object.assign(found, await measure());
  };
  await part('collect', 'Collect: one process, 64 connections', async () => ({
    collect: await benchCollect(bench, { ...scale, progress }),
  }));
  await part('footprint', 'Start, and memory under load', async () => ({
    start: await benchStart(bench, { ...scale, progress }),
    memory: scale.minutes ? await benchMemory(bench, { ...scale, apiKey: who.apiKey, progress }) : undefined,
  }));
  if (
    parts.has('worker') ||
    parts.has('queries') ||
    parts.has('read-model') ||
    (parts.has('footprint') && !values.smoke)
  ) {
    say(`Filling the tables: ${scale.events} events in the largest app`);
    let told = 0;
    found.rows = await fill(bench, {
      ...who,
      events: scale.events,
      progress: (rows) => rows - told > 500_000 && (progress(`${rows} rows`), (told = rows)),
    });
  }
  await part('queries', 'Questions over 8 connections', async () => ({
    queries: await benchQueries(bench, { ...(await bench.signedIn(APPS)), ...scale, progress }),
  }));
  await part('footprint', 'Size', async () => ({ size: await benchSize(bench, { apiKey: who.apiKey, progress }) }));
  await part('worker', 'Worker: from claim to commit', async () => ({
    worker: await benchWorker(bench, { ...scale, apps: who.apps, progress }),
  }));
  await part('pipeline', 'The whole pipeline, and freshness', async () => {
    const alone = found.worker?.one.product.perSecond ?? 5000;
    const options = { ...who, perSecond: Math.round(alone * 0.6), seconds: scale.pipeline, progress };
    return {
      pipeline: { alone, ...(await benchPipeline(bench, options)) },
      freshness: await benchFreshness(bench, { ...who, events: scale.fresh }),
    };
  });
  await part('read-model', 'The read model', async () => ({
    readModel: await benchReadModel(bench, {
      ...{ sections, scale, rows: found.rows, say, progress },
      // They take half an hour together: a run that is cut off keeps what it has measured.
      measured: async (readModel) => values.save && (await save({ ...found, readModel })),
      signIn: () => bench.signedIn(APPS),
      signInAnother: () => bench.signedIn('Watched', 'watcher@example.test'),
    }),
  }));
  return found;
}

async function measure() {
  const found = await run(bench);
  say(`\n${await report(found, bench)}`);
  if (positionals.length === 0 || values.save) await save(found);
}

/** Writes the table of results. With --save, rows of other parts and sections stay in it. */
async function save(found) {
  if (values.smoke) return;
  const all = values.save ? { ...saved(), ...found, readModel: { ...saved().readModel, ...found.readModel } } : found;
  writeFileSync(RESULTS, await report(all, bench));
  writeFileSync(FIGURES, `${JSON.stringify(all, null, 1)}\n`);
}

/** The figures of bench/RESULTS.md. */
function saved() {
  return JSON.parse(readFileSync(FIGURES, 'utf8'));
}

const bench = new Workbench();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => void bench.close().finally(() => process.exit(130)));
}
try {
  if (unknown) throw new Error(`There is no part called ${unknown}: ${PARTS.join(', ')}, abuse`);
  await bench.open();
  if (isAbuse) {
    const met = await benchAbuse(bench, { short: values.short, only: positionals.slice(1) });
    process.exitCode = met ? 0 : 1;
  } else await measure();
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
} finally {
  await bench.close();
}
