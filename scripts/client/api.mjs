import { setTimeout as wait } from 'node:timers/promises';
import { LaunchError } from '../launcher/terminal.mjs';

/** @typedef {Record<string, any>} Answer parsed JSON */

/** A Tallystone server, spoken to as any program would: through its public API. */
export class Api {
  /** @param {string} url origin of the server, as in http://127.0.0.1:3000 */
  constructor(url) {
    this.url = url.replace(/\/+$/, '');
    this.token = undefined;
  }

  /** Whether a server answers there. */
  async answers() {
    const answer = await fetch(`${this.url}/health`).catch(() => undefined);
    return answer?.ok === true;
  }

  /**
   * Signs in by the stand-in, following its redirects as a browser would.
   * @param {string} email
   * @throws LaunchError where local sign-in is off
   */
  async signInLocally(email) {
    /** @type {Map<string, string>} */
    const cookies = new Map();
    let at = `${this.url}/api/auth/google?login_hint=${encodeURIComponent(email)}`;
    for (let hops = 0; hops < 12; hops += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(at, { redirect: 'manual', headers: { accept: 'application/json', cookie } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (name) cookies.set(name, value);
      }
      const location = answer.headers.get('location');
      if (answer.ok) {
        this.token = (await json(answer)).accessToken;
        return;
      }
      if (!location) throw new LaunchError(`Sign-in failed: ${await problem(answer)}`);
      const next = new URL(location, at);
      if (hops === 0 && !next.pathname.startsWith('/local-sign-in/') && !next.searchParams.has('sent')) {
        throw new LaunchError('Local sign-in is off there: this works only where anyone may sign in as anyone.');
      }
      at = next.href;
    }
    throw new LaunchError('Sign-in went round in circles.');
  }

  /** @param {string} path @returns {Promise<Answer>} */
  get(path) {
    return this.#send('GET', path);
  }

  /** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  post(path, body) {
    return this.#send('POST', path, body);
  }

  /** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  patch(path, body) {
    return this.#send('PATCH', path, body);
  }

  /** @param {string} path @returns {Promise<string>} the body as it is, of answers that are not JSON */
  async text(path) {
    const answer = await this.#fetch('GET', path);
    if (!answer.ok) throw new LaunchError(`GET ${path}: ${await problem(answer)}`);
    return answer.text();
  }

  /** @param {string} path @returns {Promise<Answer>} */
  delete(path) {
    return this.#send('DELETE', path);
  }

  /**
   * The account's app of that name with a key that can write; made when there is none.
   * @param {string} name
   * @param {object} more fields of an app that is made
   */
  async appNamed(name, more = {}) {
    const { data } = await this.get('/api/apps');
    const app = data.find((/** @type {{ name: string }} */ one) => one.name === name);
    if (!app) {
      const made = await this.post('/api/apps', { name, ...more });
      return { app: made.app, apiKey: made.apiKey };
    }
    const { keys } = await this.get(`/api/auth/api-key?app_id=${app.id}`);
    const usable = keys.find(
      (/** @type {{ scopes: string[], revokedAt?: string, expiresAt?: string }} */ key) =>
        key.scopes.join() === 'write' && !key.revokedAt && !key.expiresAt,
    );
    const { apiKey } = usable
      ? await this.post('/api/auth/api-key/reveal', { keyId: usable.keyId })
      : await this.post('/api/auth/api-key', { appId: app.id, name: 'script' });
    return { app, apiKey };
  }

  /** Waits until accepted events are counted (or among the dead letters). @param {Iterable<string>} ids */
  async settled(ids) {
    for (const id of ids) await this.#settled(id);
  }

  /** @param {string} id */
  async #settled(id) {
    for (;;) {
      const answer = await this.#fetch('GET', `/api/analytics/events/${id}/receipt`);
      const { status } = answer.ok ? await json(answer) : {};
      if (status === 'stored' || status === 'dead_letter') return;
      if (!answer.ok && answer.status !== 503) throw new LaunchError(`No receipt for ${id}: ${await problem(answer)}`);
      await wait(200);
    }
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  async #send(method, path, body) {
    const answer = await this.#fetch(method, path, body);
    if (!answer.ok) throw new LaunchError(`${method} ${path}: ${await problem(answer)}`);
    return answer.status === 204 ? {} : json(answer);
  }

  /**
   * Waits for as long as the server says where the account has asked for too much in this minute.
   * @param {string} method @param {string} path @param {object} [body]
   */
  async #fetch(method, path, body) {
    for (;;) {
      const answer = await this.#once(method, path, body);
      if (answer.status !== 429) return answer;
      await wait((Number(answer.headers.get('retry-after')) || 1) * 1000);
    }
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  #once(method, path, body) {
    return fetch(this.url + path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<Answer>} as the documentation of the route says
 */
function json(answer) {
  return /** @type {Promise<Answer>} */ (answer.json());
}

/** @param {Response} answer @returns {Promise<string>} */
async function problem(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return `${answer.status} ${text.slice(0, 200)}`;
  }
}
