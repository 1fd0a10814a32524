import { isUtf8 } from 'node:buffer';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { AppError, ClientGoneError, InvalidInputError } from '../common/app-error.js';
import { INFLATE_RATIO_MAX, SMALL_BODY_MAX_BYTES } from '../events/limits.js';
import { networkName, siteName } from '../registry/network.js';
import { type Arriving, BodyRoom, type Holder } from './body-room.js';
import type { BodyRules, BodySender } from './body-rules.js';
import { BodyScan } from './body-scan.js';
import { JoinedPieces } from './joined-pieces.js';
import type { UnknownSenders } from './unknown-senders.js';

/** Bytes that are inflated at a time. */
const INFLATE_CHUNK_BYTES = 32 * 1024;
/** What inflating takes beside the body: zlib's window and the chunk that it writes to. */
const INFLATE_BYTES = 2 * INFLATE_CHUNK_BYTES;

type ParseJson = (text: string) => unknown;
type Done = (error: Error | null, value?: unknown) => void;
/** Reads a request's body; hands on what JSON.parse makes of it. */
export type BodyParser = (request: FastifyRequest, payload: Readable, done: Done) => void;

/** @param rulesOf the rules of the route that a request was routed to */
export function bodyParser(
  fastify: FastifyInstance,
  rulesOf: (request: FastifyRequest) => BodyRules,
  unknown: UnknownSenders,
): BodyParser {
  const shared = { unknown, room: new BodyRoom(), parse: jsonParser(fastify) };
  return (request, payload, done) => {
    const reading = new BodyReading(request, rulesOf(request), shared, done);
    try {
      reading.begin(payload);
    } catch (error) {
      done(error as Error);
    }
  };
}

/** What all bodies share. */
interface Shared {
  unknown: UnknownSenders;
  room: BodyRoom;
  parse: ParseJson;
}

/**
 * One body on its way. It is parsed only when its sender is known: by the headers, or by the key that its own bytes hold.
 * Until that is found, no more than SMALL_BODY_MAX_BYTES are read for nothing: beyond these the body counts as one of an
 * unknown sender.
 */
class BodyReading {
  private readonly scan: BodyScan;
  private pieces = new JoinedPieces();
  /** Inflated. */
  private bytes = 0;
  /** As sent, for gzip. */
  private received = 0;
  /** Of the body as sent, where the headers tell; else NaN. */
  private length = NaN;
  private sender: BodySender | undefined;
  /** As a body of an unknown sender. */
  private counted = false;
  private over = false;
  private parsing = false;
  /** The connection was. */
  private lost = false;
  private stop: () => void = () => undefined;
  /** In the room. A body that arrives in one piece needs none. */
  private place: Arriving | undefined;

  constructor(
    private readonly request: FastifyRequest,
    private readonly rules: BodyRules,
    private readonly shared: Shared,
    private readonly done: Done,
  ) {
    this.scan = new BodyScan(rules.inBody?.shapeOf(request));
  }

  /** @throws AppError where the headers tell that the body is not worth reading */
  begin(payload: Readable): void {
    const { request, rules } = this;
    const encoding = contentEncoding(request);
    assertUtf8Named(request);
    request.bodySender = this.sender = rules.senderOf(request);
    if (!this.sender && !rules.inBody) this.count();
    this.length = Number(request.headers['content-length'] ?? NaN);
    if (this.length > rules.maxBytes) throw this.refusal(tooLarge(rules.maxBytes));
    payload.on('error', () => (this.lost = true));
    const source = encoding === 'gzip' ? this.inflated(payload) : payload;
    const onData = (chunk: Buffer): void => this.attempt(() => this.take(chunk, encoding));
    const onEnd = (): void => this.attempt(() => this.finish());
    const onError = (cause: Error): void => this.attempt(() => this.fail(cause));
    source.on('data', onData).on('end', onEnd).on('error', onError);
    const stopSource = this.stop;
    this.stop = () => {
      source.off('data', onData).off('end', onEnd);
      stopSource();
      // What is still on its way is thrown away, so that the sender reads the answer.
      payload.resume();
    };
  }

  private inflated(payload: Readable): Readable {
    const gunzip = createGunzip({ chunkSize: INFLATE_CHUNK_BYTES });
    payload.on('data', (chunk: Buffer) => {
      // Inflating takes memory from the first byte on.
      if (this.received === 0) this.hold(INFLATE_BYTES);
      this.received += chunk.length;
    });
    payload.on('error', (error) => gunzip.destroy(error));
    payload.pipe(gunzip);
    this.stop = () => {
      payload.unpipe(gunzip);
      gunzip.destroy();
    };
    return gunzip;
  }

  /** Whatever is found wrong ends the reading. */
  private attempt(step: () => void): void {
    if (this.over) return;
    try {
      step();
    } catch (error) {
      if (this.over) throw error;
      this.end(error as Error);
    }
  }

  /** @param charged bytes of a failed body that its sender answers for */
  private end(error: Error | null, value?: unknown, charged = this.bytes): void {
    this.over = true;
    this.stop();
    this.pieces = new JoinedPieces();
    this.scan.end();
    if (this.place) this.shared.room.leave(this.place);
    if (error && this.sender) {
      this.request.bodyCharged = true;
      this.rules.noteFailed(this.request, this.sender, { bytes: charged, names: this.parsing ? this.scan.names : 0 });
    }
    this.done(error, value);
  }

  /** For lack of room. Reading what came took next to nothing: only what inflating added to it is charged. */
  private endWithoutRoom(error: Error): void {
    this.end(error, undefined, this.received > 0 ? Math.max(0, this.bytes - this.received) : 0);
  }

  private take(chunk: Buffer, encoding: 'gzip' | 'identity'): void {
    this.bytes += chunk.length;
    if (this.bytes > this.rules.maxBytes) throw this.refusal(tooLarge(this.rules.maxBytes));
    if (this.bytes > SMALL_BODY_MAX_BYTES) {
      if (encoding === 'gzip' && this.bytes > INFLATE_RATIO_MAX * this.received) throw this.refusal(inflatesTooMuch());
      if (!this.sender && !this.counted) this.count();
    }
    try {
      this.scan.push(chunk);
    } catch (error) {
      throw this.refusal(error);
    }
    const held = this.pieces.add(chunk);
    if (!this.sender) this.admit();
    if (encoding === 'gzip' || this.bytes !== this.length) this.hold(held);
  }

  /** Takes room for what has come of a body that is not complete. */
  private hold(bytes: number): void {
    this.place ??= this.shared.room.enter(this.holder(), (error) => this.endWithoutRoom(error));
    this.shared.room.hold(this.place, bytes);
  }

  private holder(): Holder {
    if (this.sender) return { name: this.sender.ownerId, known: true };
    const { visitorAddress } = this.request;
    return { name: networkName(visitorAddress), network: siteName(visitorAddress), known: false };
  }

  private finish(): void {
    if (!this.sender && this.rules.inBody) throw this.refusal(this.rules.inBody.missing(this.request));
    if (!this.sender && !this.counted) this.count();
    if (this.sender) this.rules.assertMaySend(this.request, this.sender);
    const body = this.pieces.joined();
    if (body.length === 0) throw new AppError(400, 'body_missing', 'The body is empty. Send a JSON object.');
    if (!isUtf8(body)) throw new InvalidInputError([{ field: 'body', message: 'must be valid UTF-8' }], 'invalid_utf8');
    const size = { bytes: this.bytes, names: this.scan.names };
    this.request.bodySize = size;
    // The connection may have closed while the body was inflated. Nothing would give the place back: 'close' comes once.
    if (this.request.raw.socket.destroyed) throw new ClientGoneError();
    if (this.sender && this.rules.begin) this.request.answer.once('close', this.rules.begin(this.sender, size));
    this.parsing = true;
    this.end(null, this.shared.parse(body.toString()));
  }

  /** By the key among the bytes, where the route takes one there. */
  private admit(): void {
    const { inBody } = this.rules;
    const { key } = this.scan;
    if (!inBody || key === undefined) return;
    try {
      this.request.bodySender = this.sender = inBody.admit(this.request, key);
    } catch (error) {
      throw this.refusal(error);
    }
    if (this.place) this.shared.room.move(this.place, this.holder());
    if (this.counted) this.shared.unknown.giveBack(this.request);
  }

  private count(): void {
    this.counted = true;
    this.shared.unknown.count(this.request);
  }

  /** What is answered: that there were too many bodies, when the sender is unknown and this is one of too many. */
  private refusal(error: unknown): unknown {
    if (this.sender || this.counted) return error;
    try {
      this.count();
      return error;
    } catch (tooMany) {
      return tooMany;
    }
  }

  private fail(cause: Error): void {
    const error = this.lost
      ? new AppError(400, 'body_incomplete', 'The connection ended before the body did.', { cause })
      : new AppError(400, 'invalid_gzip', 'The body is not valid gzip, or not all of it.', { cause });
    throw this.refusal(error);
  }
}

/** @throws AppError 415 */
function assertUtf8Named(request: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (!charset || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new AppError(415, 'unsupported_charset', 'Send the body as UTF-8: JSON is always UTF-8 (RFC 8259).');
}

/** @throws AppError 415 for any other encoding, and for two of them */
function contentEncoding(request: FastifyRequest): 'gzip' | 'identity' {
  const named = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (named === '' || named === 'identity') return 'identity';
  if (named === 'gzip' || named === 'x-gzip') return 'gzip';
  throw new AppError(415, 'unsupported_encoding', 'Send the body as it is, or with Content-Encoding: gzip.');
}

function tooLarge(maxBytes: number): AppError {
  const size = maxBytes >= 1024 * 1024 ? `${maxBytes / 1024 / 1024} MiB` : `${maxBytes / 1024} KiB`;
  return new AppError(413, 'body_too_large', `The body is larger than ${size}.`);
}

function inflatesTooMuch(): AppError {
  const detail = `The body inflates to more than ${INFLATE_RATIO_MAX} times its size. Send it without gzip, or in parts.`;
  return new AppError(413, 'body_inflates_too_much', detail);
}

/** Refuses __proto__ and constructor.prototype, and names what is wrong as a problem: Nest forgets Fastify's own code. */
function jsonParser(fastify: FastifyInstance): ParseJson {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  return (text) => {
    let result: unknown;
    // Fastify's parser calls back at once.
    void parse({} as FastifyRequest, text, (error, value) => {
      if (error) {
        const detail = 'The body is not valid JSON, or holds a key such as __proto__.';
        throw new AppError(400, 'invalid_json', detail, { cause: error });
      }
      result = value;
    });
    return result;
  };
}
