import { setTimeout as wait } from 'node:timers/promises';
import { BatchSender } from '../client/batch-sender.mjs';
import { LaunchError } from '../launcher/terminal.mjs';
import { events } from './events.mjs';

/** @typedef {import('../client/api.mjs').Api} Api */
/** @typedef {import('mysql2/promise').Connection} Connection */
/** @typedef {{id: string, key: string}} FilledApp */

const DAY_MS = 24 * 60 * 60_000;
/** Days of one app before this have expired; those from then on are kept. */
const KEPT_FROM = Date.UTC(2026, 9, 1);
/** How long the server may take for what it does in the background. */
const DEADLINE_MS = 60_000;
/** Whose events are erased. */
export const ERASED_USER = 'customer-7';

/**
 * Fills an installation with everything that a release stores: apps of two accounts, events of two months, days that have
 * expired, dead letters, an erased person, keys of each kind and an audit log.
 * @param {{ann: Api, bob: Api}} accounts signed in
 * @param {Connection} db to see what the server does in the background
 * @returns {Promise<{apps: Record<string, FilledApp>, keys: Record<string, string>}>} keys: tokens by what they are for
 */
export async function fill({ ann, bob }, db) {
  const apps = {
    shop: await makeApp(ann, 'Shop', { platform: 'web', timeZone: 'Europe/Berlin', url: 'https://shop.example.com' }),
    phone: await makeApp(ann, 'Phone', { platform: 'ios', description: 'The shop as an app' }),
    expired: await makeApp(ann, 'Expired', { platform: 'web', timeZone: 'America/New_York' }),
    partly: await makeApp(ann, 'Partly expired', { platform: 'web', timeZone: 'Asia/Kolkata' }),
    dropped: await makeApp(ann, 'Dropped', { platform: 'server' }),
    other: await makeApp(bob, "Bob's server", { platform: 'server', timeZone: 'Pacific/Auckland' }),
  };
  await post(ann, apps.shop.key, events('shop', 420, { people: 40 }));
  await post(ann, apps.phone.key, events('phone', 90));
  await post(ann, apps.expired.key, events('expired', 90));
  await post(ann, apps.partly.key, events('partly', 110));
  await post(ann, apps.dropped.key, events('dropped', 40));
  // The same ids of people as in the other account: counts must never mix them.
  await post(bob, apps.other.key, events('other', 110, { people: 40 }));

  await conflict(ann, apps.shop.key, db);
  await expire(ann, apps, db);
  await erase(ann, apps.shop);
  return { apps, keys: await makeKeys(ann, apps.shop) };
}

/** @param {Api} api @param {string} name @param {object} more @returns {Promise<FilledApp>} */
async function makeApp(api, name, more) {
  const { app, apiKey } = /** @type {{app: {id: string}, apiKey: string}} */ (
    await api.post('/api/apps', { name, ...more })
  );
  return { id: app.id, key: apiKey };
}

/** @param {Api} api @param {string} key @param {object[]} list */
async function post(api, key, list) {
  const sender = new BatchSender(api.url, key);
  for (const event of list) await sender.add(event);
  await sender.flush();
  if (sender.rejected.length > 0) throw new LaunchError(`Refused: ${JSON.stringify(sender.rejected[0])}`);
  await api.settled(sender.lastIds);
}

/** Sends three events again with other contents: the first ones count, these become dead letters. */
async function conflict(api, key, db) {
  const [first, second, third] = events('shop', 420, { people: 40 });
  await post(
    api,
    key,
    [first, second, third].map((event) => ({ ...event, event: 'changed' })),
  );
  await until(db, 'SELECT COUNT(*) AS n FROM dead_letters', (n) => n === 3);
}

/** Lets the events of three apps expire: all with their counts kept, some of them, all with their counts dropped. */
async function expire(api, { expired, partly, dropped }, db) {
  await api.patch(`/api/apps/${expired.id}`, { retentionDays: 7, retentionRollups: 'keep' });
  await api.patch(`/api/apps/${dropped.id}`, { retentionDays: 7, retentionRollups: 'drop' });
  await api.patch(`/api/apps/${partly.id}`, { retentionDays: Math.floor((Date.now() - KEPT_FROM) / DAY_MS) });
  const left = (app, before) =>
    `SELECT COUNT(*) AS n FROM events WHERE app_id = X'${hex(app.id)}' AND occurred_at < '${before}'`;
  for (const app of [expired, dropped]) await until(db, left(app, '2100-01-01'), (n) => n === 0);
  const counted = `SELECT COUNT(*) AS n FROM event_summary WHERE app_id = X'${hex(dropped.id)}'`;
  await until(db, counted, (n) => n === 0);
  await until(db, left(partly, '2026-10-01'), (n) => n === 0);
  // Kept from now on, so that the answers do not depend on the day on which they are compared.
  await api.patch(`/api/apps/${partly.id}`, { retentionDays: null });
}

async function erase(api, app) {
  const { erasureId } = await api.delete(`/api/apps/${app.id}/users/${ERASED_USER}`);
  const deadline = Date.now() + DEADLINE_MS;
  while ((await api.get(`/api/erasures/${erasureId}`)).stage !== 'done') {
    if (Date.now() > deadline) throw new LaunchError('The erasure takes too long');
    await wait(100);
  }
}

/** A key that reads, one that was revoked, and one that was replaced. */
async function makeKeys(api, app) {
  const create = (more) => api.post('/api/auth/api-key', { appId: app.id, ...more });
  const read = await create({ name: 'reports', scopes: ['read'], expiresAt: '2099-12-31T00:00:00Z' });
  const revoked = await create({ name: 'old site', allowedOrigins: ['https://old.example.com'] });
  await api.post('/api/auth/revoke', { keyId: revoked.keyId });
  const replaced = await create({ name: 'rotated' });
  const successor = await api.post('/api/auth/regenerate', { keyId: replaced.keyId, overlapSeconds: 0 });
  return { write: app.key, read: read.apiKey, revoked: revoked.apiKey, successor: successor.apiKey };
}

/** @param {Connection} db @param {string} sql answers one number as n @param {(n: number) => boolean} done */
async function until(db, sql, done) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const [[row]] = /** @type {[{n: number | string}[], unknown]} */ (/** @type {unknown} */ (await db.query(sql)));
    if (done(Number(row.n))) return;
    if (Date.now() > deadline) throw new LaunchError(`Still ${row.n}: ${sql}`);
    await wait(100);
  }
}

function hex(id) {
  return id.replaceAll('-', '');
}
