import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';

const MAX_BYTES = 10 * 1024 * 1024;
const KEPT = 3;

/** A log that is moved aside when it is full; the last three are kept as .1 to .3. */
export class LogFile {
  #fd;
  #size;

  constructor(path) {
    this.path = path;
    this.#open();
  }

  write(text) {
    if (this.#size > MAX_BYTES) {
      closeSync(this.#fd);
      shift(this.path);
      renameSync(this.path, `${this.path}.1`);
      this.#open();
    }
    this.#size += writeSync(this.#fd, text);
  }

  close() {
    closeSync(this.#fd);
  }

  #open() {
    this.#fd = openSync(this.path, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }
}

/** The same for a log that another process holds open for appending: copied, then emptied. */
export function rotateOpenLog(path) {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= MAX_BYTES) return;
  shift(path);
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

function shift(path) {
  for (let n = KEPT - 1; n >= 1; n -= 1) {
    if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
  }
}

/** The last lines of a log, for an error message. */
export function tail(path, lines = 12) {
  try {
    const fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, 16_384));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    closeSync(fd);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
