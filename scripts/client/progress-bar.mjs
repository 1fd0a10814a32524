const WIDTH = 30;
const EVERY_MS = 100;

/** A bar on a terminal; elsewhere a line each tenth, so that logs stay short. */
export class ProgressBar {
  #shownAt = 0;
  #tenth = 0;

  /** @param {string} label */
  constructor(label, stream = process.stderr) {
    this.label = label;
    this.stream = stream;
  }

  /** @param {number} part 0 to 1 @param {string} text what to say beside the bar */
  show(part, text = '') {
    const share = Math.min(Math.max(part, 0), 1);
    if (!this.stream.isTTY) {
      const tenth = Math.floor(share * 10);
      if (tenth > this.#tenth) this.stream.write(`${this.label} ${tenth * 10} % ${text}\n`);
      this.#tenth = Math.max(tenth, this.#tenth);
      return;
    }
    if (share < 1 && Date.now() - this.#shownAt < EVERY_MS) return;
    this.#shownAt = Date.now();
    const full = Math.round(share * WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full);
    this.stream.write(`\r${this.label} ${bar} ${String(Math.round(share * 100)).padStart(3)} % ${text}\u001b[K`);
  }

  /** @param {string} text */
  end(text) {
    this.show(1, text);
    if (this.stream.isTTY) this.stream.write('\n');
  }
}
