import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from './engine-error.js';
import type { Statement } from './statement.js';

type Question = Pick<Statement, 'sql' | 'params' | 'settings'>;

const REFUSED_MS = 10 * 60_000;

interface Record {
  /** Questions that ran when the file was written: text hash → since when, ms since 1970. */
  running: { [hash: string]: number };
  /** Text hash → until when it is refused, ms since 1970. */
  refused: { [hash: string]: number };
}

/**
 * Remembers which questions run, in a file that outlives the process. If the process ends without closing it (its memory was
 * gone, a fault of the engine), what ran then is refused for ten minutes: the same question would end it again.
 */
export class Suspects {
  readonly #running = new Map<string, { since: number; count: number }>();
  readonly #refused = new Map<string, number>();
  readonly #file: string;

  /** @param folder where the file is; made if there is none */
  constructor(
    folder: string,
    private readonly now: () => number = Date.now,
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#file = join(folder, 'questions.json');
    const { running, refused } = this.#read();
    for (const [hash, until] of Object.entries(refused)) if (until > now()) this.#refused.set(hash, until);
    for (const hash of Object.keys(running)) this.#refused.set(hash, now() + REFUSED_MS);
    this.#write();
  }

  /** How many questions are refused at present. */
  get refused(): number {
    return [...this.#refused.values()].filter((until) => until > this.now()).length;
  }

  /** @throws EngineError when this question ran as the engine ended */
  assertInnocent(question: Question): void {
    const until = this.#refused.get(hashOf(question));
    if (until === undefined || until <= this.now()) return;
    const minutes = Math.ceil((until - this.now()) / 60_000);
    throw new EngineError(
      'QUERY_IS_PROHIBITED',
      `This question ran when the engine last ended. It can be asked again in ${minutes} minutes.`,
      503,
    );
  }

  /** @returns to be called when the question has ended */
  begin(question: Question): () => void {
    const hash = hashOf(question);
    const one = this.#running.get(hash) ?? { since: this.now(), count: 0 };
    one.count += 1;
    this.#running.set(hash, one);
    this.#write();
    return () => {
      one.count -= 1;
      if (one.count === 0) this.#running.delete(hash);
      this.#write();
    };
  }

  /** Everything that runs has been told to end: nothing is to blame for the end of the process. */
  close(): void {
    this.#running.clear();
    this.#write();
  }

  #read(): Record {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as Record;
    } catch {
      // The first start, or a file that was cut off: then nothing is known.
      return { running: {}, refused: {} };
    }
  }

  #write(): void {
    const running = Object.fromEntries([...this.#running].map(([hash, { since }]) => [hash, since]));
    const text = JSON.stringify({ running, refused: Object.fromEntries(this.#refused) } satisfies Record);
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** With its values and its apps: the same text asks something else of another account's events. */
function hashOf({ sql, params, settings }: Question): string {
  const text = JSON.stringify([sql, params, settings.additional_table_filters ?? '']);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
