import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Pieces of a body that may be of any size. */
export const PIECES_FREE = 256;
/**
 * Beyond {@link PIECES_FREE}, the average size of a piece must be at least this, in bytes. Programs that send 256 bytes at a
 * time are served, though the end of a read cuts some of their chunks in two.
 */
export const PIECE_MIN_BYTES = 128;
/** Of the error that the server's `clientError` listeners hear. */
export const TINY_PIECES = 'ERR_TINY_PIECES';

/** Where Node's parser keeps the function that it calls for each piece of a body (`HTTPParser.kOnBody`). */
const ON_BODY = 3;

type OnBody = (this: Parser, piece: Buffer) => void;
type OnIncoming = (request: IncomingMessage, keepAlive: boolean) => number;

/** Node's parser of a connection, which its types do not describe. Node uses it again for later connections. */
interface Parser {
  [ON_BODY]?: OnBody | null;
  onIncoming?: OnIncoming | null;
  incoming?: IncomingMessage | null;
  socket?: Socket | null;
}

/** What a connection has beside what Node's types say: the answer that is to be sent next. */
interface HttpSocket extends Socket {
  parser?: Parser | null;
  _httpMessage?: ServerResponse | null;
  server?: Server;
}

/** What has come of the body that a parser is reading. */
interface Arrived {
  /** The connection that is limited; undefined while the parser has none. */
  socket: Socket | undefined;
  pieces: number;
  bytes: number;
}

/**
 * Parsers that count already. Node hands them on from connection to connection, also to those of other servers and to those
 * that this process opens itself.
 */
const counted = new WeakMap<Parser, Arrived>();

/**
 * Closes a connection whose body comes in more than {@link PIECES_FREE} pieces of under {@link PIECE_MIN_BYTES} on average.
 * A piece is a chunk, or what one read from the connection brings of a body. Node makes a Buffer of each. Of one-byte chunks
 * a megabyte took half a second and some hundred megabytes of memory, without a key and on any route.
 */
export function limitBodyPieces(server: Server): void {
  server.on('connection', (socket: HttpSocket) => {
    const { parser } = socket;
    const onIncoming = parser?.onIncoming;
    if (!parser || !onIncoming) return;
    const arrived = counted.get(parser) ?? countPieces(parser);
    counted.set(parser, arrived);
    arrived.socket = socket;
    socket.once('close', () => {
      if (arrived.socket === socket) arrived.socket = undefined;
    });
    // Node sets this anew for each connection, and calls it once the headers of a request are there.
    parser.onIncoming = function (request, keepAlive) {
      arrived.pieces = arrived.bytes = 0;
      return onIncoming.call(this, request, keepAlive);
    };
  });
}

function countPieces(parser: Parser): Arrived {
  const arrived: Arrived = { socket: undefined, pieces: 0, bytes: 0 };
  const onBody = parser[ON_BODY];
  if (!onBody) return arrived;
  const counting: OnBody = function (piece) {
    if (!arrived.socket || this.socket !== arrived.socket) return onBody.call(this, piece);
    arrived.pieces += 1;
    arrived.bytes += piece.length;
    if (arrived.pieces <= PIECES_FREE || arrived.bytes >= arrived.pieces * PIECE_MIN_BYTES) {
      return onBody.call(this, piece);
    }
    // The parser would go on with what it has read, up to 64 KiB. Without this function it makes no Buffers of it.
    parser[ON_BODY] = null;
    // Before the parser can serve another connection: it is given back when this one is closed, which is later.
    setImmediate(() => (parser[ON_BODY] = counting));
    if (this.incoming) refuse(this.incoming);
  };
  parser[ON_BODY] = counting;
  return arrived;
}

/** Answers where nothing was answered yet and no earlier answer is due, and closes the connection. */
function refuse(request: IncomingMessage): void {
  const socket = request.socket as HttpSocket;
  const answer = socket._httpMessage;
  if (answer?.req === request && !answer.headersSent && !socket.destroyed) {
    socket.server?.emit(
      'clientError',
      Object.assign(new Error('A body came in tiny pieces'), { code: TINY_PIECES }),
      socket,
    );
  }
  socket.destroy();
}
