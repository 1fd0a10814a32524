import { DAY_MS } from '../dataset.mjs';

const MUTATION = 'ALTER TABLE events DELETE WHERE user_key = 0 SETTINGS mutations_sync = 2';
const QUESTIONS_AT_ONCE = 8;

/** What the overview asks of an app for some days until now. @param appId with hyphens or without */
export function overviewQuestions(appId, days, now = Date.now()) {
  const day = (ms) => new Date(ms).toISOString().slice(0, 10);
  const asked = { appId, startDate: day(now - (days - 1) * DAY_MS), endDate: day(now), timezone: 'Europe/Berlin' };
  const path = (name, more) => `/api/analytics/${name}?${new URLSearchParams({ ...asked, ...more })}`;
  const dimensions = ['event', 'url', 'referrerHost', 'device', 'browser', 'utmSource'];
  return [
    path('event-summary', {}),
    path('series', { interval: 'day', compare: 'previous' }),
    ...dimensions.map((by) => path('breakdown', { by, limit: '8' })),
  ];
}

/** Eight questions at a time, and one mutation after the other, for as long as something else is measured. */
export class Company {
  #going = true;
  mutations = 0;
  /** Answers by status. @type {Record<string, number>} */
  statuses = {};

  constructor({ url, token, appId }, engine) {
    const questions = [...overviewQuestions(appId, 30), ...overviewQuestions(appId, 365)];
    this.done = Promise.all([
      this.#mutate(engine),
      ...Array.from({ length: QUESTIONS_AT_ONCE }, (_none, i) => this.#ask(url, token, questions, i)),
    ]);
  }

  async stop() {
    this.#going = false;
    await this.done;
  }

  async #mutate(engine) {
    const client = engine.client('copying');
    while (this.#going) {
      await client.command({ query: MUTATION });
      this.mutations += 1;
    }
    await client.close();
  }

  async #ask(url, token, questions, from) {
    for (let n = from; this.#going; n += 1) {
      const answer = await fetch(url + questions[n % questions.length], {
        headers: { authorization: `Bearer ${token}` },
      });
      await answer.arrayBuffer();
      this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1;
    }
  }
}
