/** The panel that says what to call next, and what each step brought. */
export class Steps {
  constructor(document) {
    this.document = document;
  }

  done(step, result) {
    const item = this.document.getElementById(`step-${step}`);
    item.classList.add('done');
    item.querySelector('.result').textContent = ` – ${result}`;
    this.document.querySelectorAll('.steps .next').forEach((next) => next.classList.remove('next'));
    this.document.querySelector('.steps li:not(.done)')?.classList.add('next');
  }

  /** Ticks off what an answer shows to be done. */
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
