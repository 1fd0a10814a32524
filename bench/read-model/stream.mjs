import { setTimeout as wait } from 'node:timers/promises';
import { EVENT_NAMES, random, USERS } from '../dataset.mjs';
import { samplePayload } from '../payload.mjs';

const BATCH = 100;
/** Below this rate events are posted one by one. */
const BATCHES_FROM = 1000;

/** Events of now at a constant rate, whatever the answers take. */
export class Stream {
  #next = random(11);
  #going = true;
  #sent = [];
  /** Answers by status. @type {Record<string, number>} */
  statuses = {};
  accepted = 0;

  /** @param {{ url: string, apiKey: string, perSecond: number }} options `perSecond`: events */
  constructor({ url, apiKey, perSecond }) {
    this.url = url;
    this.apiKey = apiKey;
    this.perSecond = perSecond;
    this.running = this.#run();
  }

  /** @returns events a second that were sent */
  async stop() {
    this.#going = false;
    const perSecond = await this.running;
    await Promise.all(this.#sent);
    return perSecond;
  }

  async #run() {
    const size = this.perSecond >= BATCHES_FROM ? BATCH : 1;
    const every = (1000 * size) / this.perSecond;
    const begun = performance.now();
    let n = 0;
    for (; this.#going; n += 1) {
      const ahead = begun + n * every - performance.now();
      if (ahead > 0) await wait(ahead);
      const posted = this.#post(size).finally(() => this.#sent.splice(this.#sent.indexOf(posted), 1));
      this.#sent.push(posted);
    }
    return (n * size * 1000) / (performance.now() - begun);
  }

  async #post(size) {
    const events = Array.from({ length: size }, () => ({
      ...samplePayload(`user-${Math.floor(this.#next() * USERS)}`),
      event: EVENT_NAMES[Math.floor(this.#next() ** 2 * EVENT_NAMES.length)],
      timestamp: new Date().toISOString(),
    }));
    const [path, body] = size === 1 ? ['/collect', events[0]] : ['/collect/batch', { events }];
    const status = await post(this.url + path, this.apiKey, body).catch((error) => error.cause?.code ?? error.name);
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (status === 202) this.accepted += size;
  }
}

/** @returns status of the answer */
export async function post(url, apiKey, body) {
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  await answer.arrayBuffer();
  return answer.status;
}
