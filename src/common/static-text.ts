import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { FastifyReply, FastifyRequest } from 'fastify';

const COMPRESS = {
  br: (text: Buffer) => promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (text: Buffer) => promisify(gzip)(text, { level: 9 }),
} as const;
type Encoding = keyof typeof COMPRESS;

/** Routes of files and texts that are the same for everybody: they are sent as they lie there, never compressed for a request. */
const ROUTES = /^\/(assets\/|api-docs($|[/-])|t\.js$|palette\.css$|pages\.css$|favicon\.)/;

/** Whether nothing may be compressed for a request to this route. @param route as registered */
export function isStaticRoute(route: string): boolean {
  return ROUTES.test(route);
}

/** A text that does not change while the process runs: each encoding is made once, when it is first asked for. */
export class StaticText {
  private readonly text: Buffer;
  private readonly hash: string;
  private readonly encoded = new Map<Encoding, Promise<Buffer>>();

  constructor(text: string | Buffer) {
    this.text = Buffer.from(text);
    this.hash = createHash('sha256').update(this.text).digest('base64url').slice(0, 16);
  }

  /** Answers in the best encoding that the client takes, or with 304 where it has that one already. */
  async send(request: FastifyRequest, reply: FastifyReply, type: string): Promise<void> {
    const encoding = chosen(request.headers['accept-encoding']);
    const etag = `"${this.hash}${encoding ? `-${encoding}` : ''}"`;
    const vary = [reply.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', ');
    void reply.header('vary', vary).header('etag', etag);
    if (isKnown(request.headers['if-none-match'], etag)) {
      await reply.code(304).send();
      return;
    }
    const body = encoding ? await this.in(encoding) : this.text;
    if (encoding) void reply.header('content-encoding', encoding);
    await reply.type(type).send(body);
  }

  private in(encoding: Encoding): Promise<Buffer> {
    const known = this.encoded.get(encoding);
    if (known) return known;
    const made = COMPRESS[encoding](this.text);
    this.encoded.set(encoding, made);
    return made;
  }
}

/** A client that says nothing of encodings takes none. */
function chosen(accepted: string | string[] | undefined): Encoding | undefined {
  if (!accepted) return undefined;
  const best = negotiate(String(accepted), ['br', 'gzip', 'identity']);
  return best === 'br' || best === 'gzip' ? best : undefined;
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch?.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, ''))) ?? false;
}
