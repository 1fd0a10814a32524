import { fork } from 'node:child_process';
import { join } from 'node:path';
import { systemEnvironment } from '../../scripts/launcher/environments.mjs';
import { ROOT } from '../../scripts/launcher/settings.mjs';

const PROCESS = join(ROOT, 'bench', 'abuse', 'bystander-process.mjs');

/** Figures in ms; Infinity for an answer that was refused. */
const BARS = [
  ['collect', 'collect', 'p99', 100],
  ['me', '/auth/me', 'slowest', 1000],
  ['summary', 'a small summary', 'slowest', 1000],
  ['revoked', 'a revoked key is refused', 'slowest', 1000],
];

/**
 * Another account that goes on using the service during an attack: 50 events a second, /auth/me and a summary ten times a
 * second, a key revoked again and again. Its requests come from a process of its own, so that an attack's client does not
 * slow them down.
 */
export class Bystander {
  #child;
  #next;

  /** Use {@link Bystander.begin}. */
  constructor(tenant) {
    const { url, token, apiKey, appId } = tenant;
    this.#child = fork(PROCESS, [JSON.stringify({ url, token, apiKey, appId })], { env: systemEnvironment() });
    this.#next = this.#message();
  }

  /** @returns when it is at work */
  static async begin(tenant) {
    const bystander = new Bystander(tenant);
    await bystander.#next;
    bystander.#next = bystander.#message();
    return bystander;
  }

  #message() {
    return new Promise((resolve, reject) => {
      this.#child.once('message', resolve);
      this.#child.once('exit', (code) => reject(new Error(`The bystander ended with exit code ${code}`)));
    });
  }

  /**
   * What a tenant notices while `work` goes on, and until everything that was asked meanwhile is answered.
   * @param atLeastMs how long to look at the least
   * @returns ms by name: collect (p99), me, summary and revoked (the slowest of each)
   */
  static async during(tenant, work, atLeastMs) {
    const bystander = await Bystander.begin(tenant);
    const enough = new Promise((resolve) => setTimeout(resolve, atLeastMs));
    await Promise.all([work(), enough]);
    return bystander.stop();
  }

  /** @returns figures as {@link Bystander.during} */
  async stop() {
    this.#child.send('stop');
    const found = await this.#next;
    this.#child.disconnect();
    return Object.fromEntries(Object.entries(found).map(([name, ms]) => [name, ms ?? Infinity]));
  }
}

/** By how much bars are wider than stated: see {@link widenBars}. */
let width = 1;

/** The short form shows that floods are held off at all, on machines that do other things beside. */
export function widenBars(times) {
  width = times;
}

/**
 * Rows of the table. @param what the attack, in a few words
 * @param found of {@link Bystander} @param bars other than those of questions, ms by name
 */
export function bystanderRows(what, found, bars = {}) {
  return BARS.map(([key, name, figure, usual]) => {
    const bar = (bars[key] ?? usual) * width;
    const ms = found[key];
    const measured = Number.isFinite(ms) ? `${Math.round(ms)} ms` : 'refused';
    return { name: `${what}: ${name}`, measured: `${figure} ${measured}`, bar: `≤ ${bar} ms`, met: ms <= bar };
  });
}
