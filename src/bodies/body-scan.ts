import { InvalidInputError } from '../common/app-error.js';
import { BODY_MAX_DEPTH, BODY_MAX_NAMES, BODY_MAX_VALUES } from '../events/limits.js';
import type { BodyShape } from './body-rules.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A longer name is not that of a key. Bytes as sent, escapes included. */
const NAME_MAX_BYTES = 64;
/** A longer text is not an API key. Bytes as sent. */
const KEY_MAX_BYTES = 16 * 1024;

/** Bits of the set of names. Two names may share a bit, so a few names of 2,000 are not counted. */
const NAME_BITS = 1 << 15;
/** Empty sets for the next bodies: to make one for each body costs more than to read most bodies. */
const spareSets: Uint32Array[] = [];
const SPARE_SETS_MAX = 64;
const NO_SET = new Uint32Array(0);
/** Of bodies that hold no key. */
const NO_SHAPE: BodyShape = { keyFields: [] };
/** Differs in every process, so that nobody can choose names that share a bit. */
const HASH_SEED = Math.floor(Math.random() * 0x1_0000_0000);
const FNV_PRIME = 0x0100_0193;

/**
 * Looks at the bytes of a JSON body before JSON.parse does: finds the API key among the top-level fields, and refuses what
 * would hold up the event loop. Reads each byte once, in pieces as they arrive. Says nothing about whether the JSON is valid.
 */
export class BodyScan {
  /** Different member names so far, at any level. */
  names = 0;
  private values = 0;
  private depth = 0;
  /** A bit for each level: 1 for an object, 0 for a list. BODY_MAX_DEPTH is at most 32. */
  private objects = 0;
  /** In an object, before a colon. */
  private nameIsNext = false;
  private inText = false;
  private escaped = false;
  private hash = 0;
  private seen = spareSets.pop() ?? new Uint32Array(NAME_BITS / 32);
  /** The latest text at the top level, while it is being read and until the next one begins. */
  private text: Buffer | undefined;
  private textIsLong = false;
  /** Name of the top-level field whose value is being read. */
  private field: string | undefined;
  /** Place in the list that is this field's value. */
  private index = 0;
  private readonly keys = new Map<string, string | undefined>();

  constructor(private readonly shape: BodyShape = NO_SHAPE) {}

  /** The API key at the top level, as JSON.parse would return it; undefined: none so far. */
  get key(): string | undefined {
    for (const name of this.shape.keyFields) {
      const key = this.keys.get(name);
      if (key?.trim()) return key;
    }
    return undefined;
  }

  /** @throws InvalidInputError naming the field that is nested too deeply or holds too many names or values */
  push(chunk: Buffer): void {
    const { length } = chunk;
    let at = 0;
    while (at < length) {
      if (this.inText) {
        at = this.readText(chunk, at);
        continue;
      }
      switch (chunk[at++]) {
        case QUOTE:
          this.inText = true;
          this.hash = HASH_SEED;
          this.text = undefined;
          this.textIsLong = false;
          break;
        case COLON:
          this.nameIsNext = false;
          break;
        case COMMA:
          this.nameIsNext = ((this.objects >>> (this.depth - 1)) & 1) === 1;
          if (this.depth === 1) this.endField();
          else if (this.depth === 2) this.index += 1;
          this.noteValue();
          break;
        case OPEN_OBJECT:
          this.open();
          this.nameIsNext = true;
          this.objects |= 1 << (this.depth - 1);
          break;
        case OPEN_LIST:
          this.open();
          this.nameIsNext = false;
          this.objects &= ~(1 << (this.depth - 1));
          break;
        case CLOSE_LIST:
        case CLOSE_OBJECT:
          this.nameIsNext = false;
          if (this.depth === 1) this.endField();
          this.depth -= 1;
      }
    }
  }

  /** Leaves the set of names to the next body. Nothing may be pushed afterwards. */
  end(): void {
    if (this.seen.length > 0 && spareSets.length < SPARE_SETS_MAX) spareSets.push(this.seen.fill(0));
    this.seen = NO_SET;
  }

  private open(): void {
    this.depth += 1;
    if (this.depth > BODY_MAX_DEPTH) this.refuse(`is nested deeper than ${BODY_MAX_DEPTH} levels`);
    if (this.depth === 2) this.index = 0;
    this.text = undefined;
    this.noteValue();
  }

  private noteValue(): void {
    this.values += 1;
    if (this.values > BODY_MAX_VALUES) this.refuse(`holds more than ${BODY_MAX_VALUES} values`);
  }

  /** Reads on in a text. @returns where to go on: behind its closing quote, or at the end of the chunk */
  private readText(chunk: Buffer, from: number): number {
    let at = from;
    if (this.escaped) {
      this.escaped = false;
      at += 1;
    }
    const { length } = chunk;
    let byte: number | undefined;
    while (at < length && (byte = chunk[at]) !== QUOTE) at += byte === BACKSLASH ? 2 : 1;
    this.inText = at >= length;
    // A backslash was the last byte: what it escapes comes with the next chunk.
    this.escaped = at > length;
    const end = Math.min(at, length);
    if (this.nameIsNext) this.hashName(chunk, from, end);
    if (this.depth === 1) this.keepText(chunk.subarray(from, end));
    if (this.inText) return length;
    if (this.nameIsNext) this.noteName();
    return at + 1;
  }

  /** FNV-1a. */
  private hashName(chunk: Buffer, from: number, end: number): void {
    let { hash } = this;
    for (let at = from; at < end; at += 1) hash = Math.imul(hash ^ chunk[at]!, FNV_PRIME);
    this.hash = hash;
  }

  private keepText(part: Buffer): void {
    if (this.textIsLong) return;
    const text = this.text ? Buffer.concat([this.text, part]) : part;
    this.textIsLong = text.length > KEY_MAX_BYTES;
    this.text = this.textIsLong ? undefined : text;
  }

  private noteName(): void {
    const bit = (this.hash ^ (this.hash >>> 15)) & (NAME_BITS - 1);
    const mask = 1 << (bit & 31);
    if ((this.seen[bit >>> 5]! & mask) === 0) {
      this.seen[bit >>> 5]! |= mask;
      if (++this.names > BODY_MAX_NAMES) this.refuse(`holds more than ${BODY_MAX_NAMES} different names`);
    }
    if (this.depth !== 1) return;
    this.field = this.text && this.text.length <= NAME_MAX_BYTES ? unquoted(this.text) : undefined;
    this.text = undefined;
  }

  /** The value of a top-level field is complete. A key that is sent twice counts as JSON.parse has it: the last one. */
  private endField(): void {
    const { field } = this;
    if (field !== undefined && this.shape.keyFields.includes(field)) {
      this.keys.set(field, this.text && unquoted(this.text));
    }
    this.field = undefined;
    this.text = undefined;
  }

  private refuse(message: string): never {
    const { field, depth, index } = this;
    const place =
      depth < 2 || field === undefined ? 'body' : field === this.shape.eventsField ? `${field}[${index}]` : field;
    throw new InvalidInputError([{ field: place, message }], 'body_too_complex');
  }
}

/** The text between two quotes; undefined where it is no JSON. */
function unquoted(bytes: Buffer): string | undefined {
  const text = bytes.toString();
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}
