import { benchBacklog } from './backlog.mjs';
import { benchBytes } from './bytes.mjs';
import { copyIsComplete } from './caught-up.mjs';
import { benchMixedLoad, benchOverviewMemory } from './engine-memory.mjs';
import { benchVisible } from './freshness.mjs';
import { benchOutage } from './outage.mjs';
import { benchSummary } from './summary.mjs';
import { benchSmallServer, benchWholeProduct } from './whole-product.mjs';

/** In their order. */
export const READ_MODEL_SECTIONS = ['summary', 'bytes', 'backlog', 'freshness', 'outage', 'memory', 'mixed', 'product'];
/** Only where it is named: it takes an hour. */
const LONG = 'mixed';
/** The demo and `npm start`, which tests of their own run. */
const NOT_IN_SMOKE = 'product';
/** Events a second, where a worker's rate was not measured in the same run. */
const HALF_UNMEASURED = 4000;

/**
 * The copy in ClickHouse: first filled from MySQL's tables by the product, then one section after the other.
 * @param sections names; empty: all but the long one
 * @param signIn the owner of the dataset, with a session that is good from then on
 * @param signInAnother an account with an empty app
 * @param measured hears what is known after each section
 */
export async function benchReadModel(bench, { sections, scale, rows, signIn, signInAnother, measured, say, progress }) {
  const leftOut = scale.isSmoke ? NOT_IN_SMOKE : LONG;
  const asked = new Set(sections.length > 0 ? sections : READ_MODEL_SECTIONS.filter((name) => name !== leftOut));
  /** @type {Record<string, any>} */
  const found = {};
  const engine = await bench.startEngine();
  say('The read model: filling ClickHouse from MySQL');
  const worker = await bench.worker();
  const seconds = await copyIsComplete(bench);
  await worker.stop();
  found.fill = { events: rows, seconds };
  progress(`${rows} events in ${seconds.toFixed(1)} s`);
  const who = await signIn();
  const section = async (name, title, measure) => {
    if (!asked.has(name)) return;
    say(`The read model: ${title}`);
    Object.assign(found, await measure());
    await measured(found);
  };
  const half = () => Math.round((found.backlog?.one.product.perSecond ?? 2 * HALF_UNMEASURED) / 2);
  const options = () => ({ ...scale, who, half: half(), progress });
  await section('summary', 'event-summary', async () => ({
    summary: await benchSummary(bench, engine, { ...scale, ...who, progress }),
  }));
  await section('bytes', 'bytes on disk', async () => ({ bytes: await benchBytes(bench, engine, { progress }) }));
  await section('backlog', 'workers with a full backlog', async () => ({
    backlog: await benchBacklog(bench, { ...scale, apps: who.apps, progress }),
  }));
  await section('freshness', 'from the 202 to event-summary', async () => ({
    visible: await benchVisible(bench, engine, { ...options(), other: await signInAnother() }),
  }));
  await section('outage', 'the engine away', async () => ({ outage: await benchOutage(bench, engine, options()) }));
  await section('memory', 'memory of the engine', async () => ({
    overview: await benchOverviewMemory(bench, engine, options()),
  }));
  await section('mixed', 'memory of the engine under mixed load', async () => ({
    mixed: await benchMixedLoad(bench, engine, options()),
  }));
  await section('product', 'the whole product', async () => ({
    product: await benchWholeProduct(bench, { ...scale, progress }),
    small: await benchSmallServer(bench, { progress }),
  }));
  return found;
}
