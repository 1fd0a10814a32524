/** @typedef {{ appId?: string, lastId?: string }} Own ids of this account's app and of the last event that it sent */

/**
 * Fills the document's examples with this account's own values: the id of its app, the id of the last event for receipts,
 * and an event without id and time, so that each run counts one more.
 * @param {Record<string, any>} source the OpenAPI document
 * @param {Own} own
 */
export function withExamples(source, { appId, lastId }) {
  const document = structuredClone(source);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of Object.values(item)) {
      for (const parameter of operation.parameters ?? []) {
        const value = parameterExample(path, parameter.name, appId, lastId);
        delete parameter.example;
        delete parameter.schema?.example;
        if (value !== undefined) parameter.example = value;
      }
      const content = operation.requestBody?.content?.['application/json'];
      const body = bodyExample(path, appId);
      if (content && body) content.example = body;
    }
  }
  return document;
}

/** @param {string} path @param {string} name @param {string | undefined} appId @param {string | undefined} lastId */
function parameterExample(path, name, appId, lastId) {
  if (name === 'appId' || name === 'app_id') return appId;
  if (name === 'id' && path.startsWith('/api/apps/')) return appId;
  if (name === 'id' && path.endsWith('/receipt')) return lastId;
  if (name === 'event') return EVENT.event;
  if (name === 'userId') return EVENT.userId;
  if (name === 'next') return '/api-docs';
  if (name === 'by') return 'event';
  return undefined;
}

const EVENT = {
  event: 'signup_click',
  url: 'https://example.com/pricing',
  referrer: 'https://google.com',
  userId: 'user-1',
  metadata: { browser: 'Chrome', os: 'Android', plan: 'pro' },
};

/** @param {string} path @param {string | undefined} appId */
function bodyExample(path, appId) {
  /** @type {Record<string, object>} */
  const examples = {
    '/api/analytics/collect': EVENT,
    '/api/analytics/collect/batch': { events: [EVENT, { ...EVENT, userId: 'user-2', device: 'mobile' }] },
    '/api/auth/register': APP,
    '/api/apps': APP,
    '/api/auth/api-key': { appId: appId ?? '', name: 'reader', scopes: ['write', 'read'] },
    '/api/auth/refresh': {},
    '/api/auth/logout': {},
  };
  return examples[path];
}

const APP = { name: 'My site', url: 'https://example.com', platform: 'web', timeZone: zone() };

function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'UTC';
}
