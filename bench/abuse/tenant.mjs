import { Api } from '../../scripts/client/api.mjs';

/** An account with an app, signed in by the stand-in: what an attack, or the one who suffers from it, starts with. */
export class Tenant {
  constructor(api, { app, apiKey, readKey, userId }) {
    this.api = api;
    this.url = api.url;
    /** User token. */
    this.token = api.token;
    this.appId = app.id;
    /** 32 hex digits, as in the tables. */
    this.app = app.id.replaceAll('-', '');
    this.ownerId = Buffer.from(userId.replaceAll('-', ''), 'hex');
    /** A key that can write, and one that can read. */
    this.apiKey = apiKey;
    this.readKey = readKey;
  }

  /** @param server an API process of `workbench.localApi()` */
  static async signIn(server, email) {
    const api = new Api(server.url);
    await api.signInLocally(email);
    const { app, apiKey } = await api.appNamed('App');
    const { apiKey: readKey } = await api.post('/api/auth/api-key', { appId: app.id, scopes: ['read'] });
    const { id: userId } = await api.get('/api/auth/me');
    return new Tenant(api, { app, apiKey, readKey, userId });
  }

  get bearer() {
    return { authorization: `Bearer ${this.token}` };
  }

  /** Posts to a collect route with the key that can write. @returns status and body, read to its end */
  async collect(path, body) {
    const headers = { 'content-type': 'application/json', 'x-api-key': this.apiKey };
    const answer = await fetch(`${this.url}/collect${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }
}
