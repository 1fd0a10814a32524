import { ERASED_USER } from './fill.mjs';

/** @typedef {import('../client/api.mjs').Api} Api */
/** @typedef {{as: 'ann' | 'bob', path: string, answer: unknown}} Answer */

const SEPTEMBER_AND_OCTOBER = { startDate: '2026-09-01', endDate: '2026-10-31' };

/**
 * What is asked of a release, and of every later one that opens its database.
 * @param {Record<string, {id: string}>} apps as filled
 * @returns {{as: 'ann' | 'bob', path: string}[]}
 */
export function questions(apps) {
  const { other, ...own } = apps;
  const ann = [
    ...Object.values(own).flatMap(({ id }) => ofApp(id)),
    // All apps of the account: the same user in two of them is one user.
    ...summaries({}),
    path('/api/analytics/user-stats', { userId: 'customer-1' }),
    path('/api/analytics/user-stats', { userId: ERASED_USER, appId: own.shop.id }),
    path('/api/analytics/users', { appId: own.shop.id, limit: 100 }),
    path('/api/analytics/users/timeline', { userId: 'customer-4', appId: own.shop.id, limit: 100 }),
    path('/api/analytics/events', { appId: own.shop.id, limit: 100 }),
    `/api/apps/${own.shop.id}/users/customer-4`,
    `/api/apps/${own.shop.id}/dead-letters?limit=100`,
    `/api/auth/api-key?app_id=${own.shop.id}&limit=100`,
    '/api/apps?limit=100',
  ];
  const bob = [...ofApp(other.id), path('/api/analytics/user-stats', { userId: 'customer-1' }), '/api/apps?limit=100'];
  return [
    ...ann.map((one) => ({ as: /** @type {const} */ ('ann'), path: one })),
    ...bob.map((one) => ({ as: /** @type {const} */ ('bob'), path: one })),
  ];
}

/**
 * @param {Record<string, Api>} accounts signed in
 * @param {Record<string, {id: string}>} apps
 * @returns {Promise<Answer[]>} NDJSON is answered as a list of its lines
 */
export async function ask(accounts, apps) {
  const answers = [];
  for (const { as, path: asked } of questions(apps)) {
    const text = await accounts[as].text(asked);
    const answer = asked.includes('format=ndjson')
      ? text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : JSON.parse(text);
    answers.push({ as, path: asked, answer });
  }
  return answers;
}

function ofApp(appId) {
  const range = { appId, ...SEPTEMBER_AND_OCTOBER };
  return [
    ...summaries({ appId }),
    path('/api/analytics/series', { ...range, interval: 'week', compare: 'previous' }),
    path('/api/analytics/series', { ...range, interval: 'month', timezone: 'Pacific/Chatham' }),
    path('/api/analytics/series', { appId, startDate: '2026-10-20', endDate: '2026-10-22', interval: 'hour' }),
    ...['event', 'url', 'referrerHost', 'device', 'browser', 'utmCampaign', 'metadata.amount'].map((by) =>
      path('/api/analytics/breakdown', { ...range, by, limit: 100 }),
    ),
    path('/api/analytics/export', { ...range, format: 'ndjson' }),
  ];
}

/** Open ranges, whole days in several zones, hours, and one event. */
function summaries(scope) {
  const ask = (query) => path('/api/analytics/event-summary', { ...scope, ...query });
  return [
    ask({}),
    ask({ event: 'purchase' }),
    ask(SEPTEMBER_AND_OCTOBER),
    ...['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Chatham'].map((timezone) =>
      ask({ startDate: '2026-09-10', endDate: '2026-10-20', timezone }),
    ),
    ask({ startDate: '2026-09-30T21:15', endDate: '2026-10-02T03:45', timezone: 'America/New_York' }),
    ask({ event: 'page_view', startDate: '2026-10-15', endDate: '2026-10-15', timezone: 'UTC' }),
  ];
}

function path(address, query) {
  return `${address}?${new URLSearchParams(query)}`;
}
