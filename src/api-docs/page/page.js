import { Steps } from './steps.js';
import { withExamples } from './examples.js';
import { element } from './element.js';
import { answerOf, fetchOrExplain } from './no-answer.js';

/**
 * @typedef {object} State
 * @property {{ email: string } | null | undefined} user null: not known, because no answer came
 * @property {string} [appId]
 * @property {string[]} keyScopes
 * @property {string} [lastId] of the last event sent
 */

/**
 * Swagger UI for somebody who wants to see a count: it signs in by the cookie, fills in app id and key as soon as there are
 * any, and says what to call next.
 * @type {State}
 */
const state = { user: undefined, keyScopes: [] };
const COLLECT = /^\/api\/analytics\/collect/;
const ANALYTICS = /^\/api\/analytics/;
const steps = new Steps();
const elements = {
  who: element('who'),
  signIn: /** @type {HTMLAnchorElement} */ (element('sign-in')),
  signOut: element('sign-out'),
};

const [source, user] = await Promise.all([answerOf(fetchJson('/api-docs-json')), answerOf(signedIn())]);
state.user = user;
if (user) state.appId = (await answerOf(fetchJson('/api/apps')))?.data.at(-1)?.id;
showUser();

const ui =
  source &&
  /** @type {any} */ (window).SwaggerUIBundle({
    spec: withExamples(source, state),
    dom_id: '#swagger-ui',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    withCredentials: true,
    requestInterceptor: prepare,
    responseInterceptor: learn,
  });

elements.signOut.addEventListener('click', async () => {
  if (await answerOf(post('/api/auth/logout'))) window.location.reload();
});

// The session lasts 15 minutes; as long as the page is open it is renewed.
window.setInterval(() => state.user && answerOf(renew()), 10 * 60_000);

// A link to an operation opens it, also the second time, when the address does not change any more.
document.querySelector('.steps')?.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const [, tag, operation] = link?.hash.split('/') ?? [];
  if (!link || !tag || !operation || !ui) return;
  event.preventDefault();
  const id = `operations-${tag.replaceAll('%20', '_')}-${operation}`;
  ui.layoutActions.show(['operations', decodeURIComponent(tag), operation], true);
  window.history.replaceState(null, '', link.hash);
  // After Swagger UI has drawn it.
  window.requestAnimationFrame(() => document.getElementById(id)?.scrollIntoView({ behavior: 'smooth' }));
});

/**
 * A key that cannot read must not stand before the cookie where numbers are read: the first token present decides. The
 * call goes to the address that content blockers leave alone; both answer the same.
 * @param {{ url: string, headers?: Record<string, string>, userFetch?: typeof fetch }} request
 */
function prepare(request) {
  const url = new URL(request.url, window.location.href);
  const path = url.pathname;
  url.pathname = path.replace(COLLECT, '/api/ingest').replace(ANALYTICS, '/api/reports');
  request.url = url.href;
  request.userFetch = /** @type {typeof fetch} */ (fetchOrExplain);
  const forKeys = COLLECT.test(path) || path === '/api/auth/api-key/self';
  const key = Object.keys(request.headers ?? {}).find((name) => name.toLowerCase() === 'x-api-key');
  if (key && state.user && !forKeys && !state.keyScopes.includes('read')) delete request.headers?.[key];
  return request;
}

/**
 * Takes from each answer what the next call needs.
 * @param {{ ok: boolean, url: string, text: string, body?: any }} response
 */
function learn(response) {
  const path = documentedPath(new URL(response.url, window.location.href).pathname);
  const body = response.body ?? parsed(response.text);
  if (body?.code === 'recent_sign_in_required') offerSignIn();
  if (!response.ok || !body) return response;
  if (body.apiKey) takeKey(body);
  if (body.app?.id && body.apiKey) state.appId = body.app.id;
  if (path === '/api/analytics/collect') state.lastId = body.id;
  if (path === '/api/analytics/collect/batch') state.lastId = body.events?.[0]?.id;
  steps.answered(path, body, state);
  if (body.apiKey || path.startsWith('/api/analytics/collect')) {
    // After Swagger UI has shown this answer.
    window.setTimeout(() => ui.specActions.updateJsonSpec(withExamples(source, state)), 0);
  }
  return response;
}

/** Some calls need a sign-in within the last 10 minutes: it leads back to this page. */
function offerSignIn() {
  const again = new URLSearchParams({
    again: 'true',
    next: '/api-docs',
    ...(state.user ? { login_hint: state.user.email } : {}),
  });
  elements.signIn.href = `/api/auth/google?${again}`;
  elements.signIn.textContent = 'Sign in again';
  elements.signIn.hidden = false;
}

/** The path as the document names it. @param {string} path */
function documentedPath(path) {
  return path.replace(/^\/api\/ingest/, '/api/analytics/collect').replace(/^\/api\/reports/, '/api/analytics');
}

/** @param {{ apiKey: string }} answer */
function takeKey({ apiKey }) {
  const claims = apiKey.split('.')[1] ?? '';
  state.keyScopes = JSON.parse(window.atob(claims.replace(/-/g, '+').replace(/_/g, '/'))).scope.split(' ');
  ui.preauthorizeApiKey('analyticsToken', apiKey);
}

function showUser() {
  const nobody = state.user === null ? 'It is not known whether you are signed in' : 'Not signed in';
  elements.who.textContent = state.user ? `Signed in as ${state.user.email}` : nobody;
  elements.signIn.hidden = Boolean(state.user);
  elements.signOut.hidden = !state.user;
  if (state.user) steps.done('sign-in', state.user.email);
  if (state.appId) steps.done('app', `you have ${state.appId}`);
}

/** Who is signed in, after a renewal if need be; undefined when nobody is. */
async function signedIn() {
  return (await fetchJson('/api/auth/me')) ?? ((await renew()) ? fetchJson('/api/auth/me') : undefined);
}

async function renew() {
  return (await post('/api/auth/refresh')).ok;
}

/** @param {string} url */
function post(url) {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
}

/** @param {string} url @returns {Promise<any>} undefined when it is refused */
async function fetchJson(url) {
  const answer = await fetch(url);
  return answer.ok ? answer.json() : undefined;
}

/** @param {string} text @returns {any} undefined when it is not JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
