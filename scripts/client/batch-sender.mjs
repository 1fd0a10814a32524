import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { LaunchError } from '../launcher/terminal.mjs';

/** Below the server's limits of 1,000 events and 1 MiB. */
const EVENTS_AT_ONCE = 1000;
const BYTES_AT_ONCE = 900_000;
const ATTEMPTS = 60;
const BATCHES_KEPT = 64;

/**
 * Posts events in batches. A batch that was not answered, or was answered 429 or 503, is sent again as it is: every event
 * has an id and a timestamp, so nothing is counted twice.
 */
export class BatchSender {
  accepted = 0;
  /** @type {{event: object, code: string, errors: object[]}[]} */
  rejected = [];
  /** The last id of each of the latest batches: the server's lists are in order, so what came before them is counted too. @type {string[]} */
  lastIds = [];
  /** @type {object[]} */
  #events = [];
  #bytes = 0;

  /** @param {string} url origin of the server @param {string} apiKey */
  constructor(url, apiKey) {
    this.url = `${url}/api/analytics/collect/batch`;
    this.apiKey = apiKey;
  }

  /** @param {object} event */
  async add(event) {
    const bytes = Buffer.byteLength(JSON.stringify(event)) + 1;
    if (this.#events.length === EVENTS_AT_ONCE || this.#bytes + bytes > BYTES_AT_ONCE) await this.flush();
    this.#events.push(event);
    this.#bytes += bytes;
  }

  async flush() {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    if (events.length > 0) await this.#note(events, await this.#post(events));
  }

  /** @param {object[]} events */
  async #post(events) {
    const body = gzipSync(JSON.stringify({ events }));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-api-key': this.apiKey };
    for (let attempt = 1; ; attempt += 1) {
      let answer;
      try {
        answer = await fetch(this.url, { method: 'POST', headers, body });
        if (![429, 503].includes(answer.status) || attempt === ATTEMPTS) return answer;
      } catch (error) {
        if (attempt === ATTEMPTS) {
          throw new LaunchError(`The server does not answer: ${error.cause?.code ?? error}`);
        }
      }
      await wait((Number(answer?.headers.get('retry-after')) || 1) * 1000);
    }
  }

  /** @param {object[]} events @param {Response} answer */
  async #note(events, answer) {
    const body = /** @type {Record<string, any>} */ (await answer.json());
    if (answer.status === 202) {
      this.accepted += body.accepted;
      this.lastIds = [...this.lastIds.slice(-BATCHES_KEPT + 1), body.events.at(-1).id];
      for (const { index, code, errors } of body.rejected) this.rejected.push({ event: events[index], code, errors });
    } else if (answer.status === 400) {
      for (const event of events) this.rejected.push({ event, code: body.code, errors: body.errors });
    } else {
      throw new LaunchError(`The server refuses: ${body.detail}`);
    }
  }
}
