import { element } from './element.js';

/** The panel that says what to call next, and what each step brought. */
export class Steps {
  /** @param {string} step @param {string} result */
  done(step, result) {
    const item = element(`step-${step}`);
    item.classList.add('done');
    const place = item.querySelector('.result');
    if (place) place.textContent = ` – ${result}`;
    document.querySelectorAll('.steps .next').forEach((next) => next.classList.remove('next'));
    document.querySelector('.steps li:not(.done)')?.classList.add('next');
  }

  /**
   * Ticks off what an answer shows to be done.
   * @param {string} path as the document names it
   * @param {any} body of the answer
   * @param {{ lastId?: string }} state
   */
  answered(path, body, { lastId }) {
    if (body.app?.id && body.apiKey) this.done('app', `${body.app.name}, its key is authorised`);
    if (path.startsWith('/api/analytics/collect')) this.done('collect', `accepted as ${lastId}`);
    if (path === '/api/analytics/event-summary') {
      const people = body.uniqueUsers === 1 ? 'user' : 'users';
      if (body.count > 0) this.done('summary', `${body.count} counted, ${body.uniqueUsers} unique ${people}`);
    }
    if (path.endsWith('/receipt')) this.done('receipt', body.status);
  }
}
