import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import type { Logger } from '../common/logger.js';
import type { ChdbError } from './chdb.js';
import type { Engine } from './engine.js';
import { EngineError } from './engine-error.js';
import { parseInsert, splitFormat } from './sql-text.js';
import { databaseOf, paramsOf, settingsOf, type Statement } from './statement.js';

/** Rows of one insert. The projector sends no more than half of it. */
const BODY_MAX_BYTES = 32 * 1024 * 1024;
/** The apps and values of a question are in its address: of a thousand apps 100 KB. ClickHouse takes 1 MiB. */
const HEADER_MAX_BYTES = 1024 * 1024;
const TIME_LIMIT_DEFAULT_S = 30;

/** Two users: one that asks, one that copies. */
export interface EnginePasswords {
  questions: string;
  copying: string;
}

type User = keyof EnginePasswords;

/**
 * The part of ClickHouse's HTTP interface that `@clickhouse/client` uses (https://clickhouse.com/docs/interfaces/http):
 * GET /ping, and POST / with a statement as the body, or as `query` with the rows of an insert as the body.
 */
export function engineServer(engine: Engine, passwords: EnginePasswords, logger: Logger): Server {
  return createServer({ keepAliveTimeout: 30_000, maxHeaderSize: HEADER_MAX_BYTES }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
    if (request.method === 'GET' && pathname === '/ping') return void response.end('Ok.\n');
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableEnded) gone.abort(new EngineError('QUERY_WAS_CANCELLED', 'The client has gone.'));
    });
    answer(engine, userOf(request, passwords), request, searchParams, gone.signal).then(
      ({ bytes, format, summary }) => {
        response.setHeader('content-type', contentType(format));
        response.setHeader('x-clickhouse-format', format);
        response.setHeader('x-clickhouse-query-id', searchParams.get('query_id') ?? '');
        response.setHeader('x-clickhouse-summary', JSON.stringify(summary));
        response.end(bytes);
      },
      (error: unknown) => refuse(response, error, logger),
    );
  });
}

interface Answer {
  bytes: Uint8Array;
  format: string;
  /** As ClickHouse states it: numbers as text. */
  summary: Record<string, string>;
}

async function answer(
  engine: Engine,
  user: User | undefined,
  request: IncomingMessage,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<Answer> {
  if (!user) throw new EngineError('AUTHENTICATION_FAILED', 'There is no such user, or the password is wrong.', 403);
  if (request.method !== 'POST') throw new EngineError('READONLY', 'Statements are posted.', 405);
  const body = await bodyOf(request);
  const text = query.get('query') ?? body.toString('utf8');
  const insert = query.has('query') ? parseInsert(text) : undefined;
  if (user === 'copying' && insert) {
    const target = { ...insert, database: databaseOf(query) };
    const { rowsWritten } = await engine.insert(target, body, settingsOf(query));
    return { bytes: EMPTY, format: insert.format, summary: { written_rows: String(rowsWritten) } };
  }
  const statement = statementOf(text, query);
  const run = user === 'questions' ? engine.question(statement, signal) : copying(engine, statement, signal);
  const { rowsRead, bytesRead, elapsed, ...found } = await run.then((one) => ({
    rowsRead: one.rowsRead,
    bytesRead: one.bytesRead,
    elapsed: one.elapsed,
    bytes: one.bytes(),
  }));
  const summary = {
    read_rows: String(rowsRead),
    read_bytes: String(bytesRead),
    elapsed_ns: String(Math.round(elapsed * 1e9)),
  };
  return { bytes: found.bytes, format: statement.format, summary };
}

const EMPTY = new Uint8Array();

function copying(engine: Engine, statement: Statement, signal: AbortSignal): ReturnType<Engine['look']> {
  return /^\s*(SELECT|WITH|SHOW|EXISTS|DESCRIBE|EXPLAIN)\b/i.test(statement.sql)
    ? engine.look(statement, signal)
    : engine.command(statement);
}

function statementOf(text: string, query: URLSearchParams): Statement {
  const { sql, format } = splitFormat(text);
  const settings = settingsOf(query);
  const seconds = Number(settings.max_execution_time ?? TIME_LIMIT_DEFAULT_S);
  if (!(seconds > 0)) throw new EngineError('UNKNOWN_SETTING', 'max_execution_time is a number of seconds.');
  return {
    id: idOf(query.get('query_id')),
    database: databaseOf(query),
    sql,
    params: paramsOf(query),
    format,
    settings,
    timeLimitMs: seconds * 1000,
  };
}

/** What the engine writes into statements is never a client's free text. */
function idOf(text: string | null): string {
  if (text === null) return crypto.randomUUID();
  if (/^[\w-]{1,64}$/.test(text)) return text;
  throw new EngineError('UNKNOWN_SETTING', 'query_id is up to 64 letters, digits, _ or -.');
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_MAX_BYTES)
      throw new EngineError('SYNTAX_ERROR', `A body has at most ${BODY_MAX_BYTES} bytes.`, 413);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** @returns undefined where name or password is wrong */
function userOf(request: IncomingMessage, passwords: EnginePasswords): User | undefined {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const [name, ...rest] = basic
    ? Buffer.from(basic, 'base64').toString('utf8').split(':')
    : [String(request.headers['x-clickhouse-user']), String(request.headers['x-clickhouse-key'])];
  if (name !== 'questions' && name !== 'copying') return undefined;
  const given = Buffer.from(rest.join(':'));
  const right = Buffer.from(passwords[name]);
  return given.length === right.length && timingSafeEqual(given, right) ? name : undefined;
}

function contentType(format: string): string {
  return /^JSON/.test(format) ? 'application/json; charset=UTF-8' : 'text/plain; charset=UTF-8';
}

/** As ClickHouse answers an error: its number in a header and in the text. */
function refuse(response: ServerResponse, error: unknown, logger: Logger): void {
  if (response.destroyed) return;
  const { status, code, message } = told(error);
  if (code === 0) logger.error({ err: error }, 'A statement failed');
  response.writeHead(status, {
    'x-clickhouse-exception-code': String(code),
    'content-type': 'text/plain; charset=UTF-8',
  });
  response.end(`${message}\n`);
}

function told(error: unknown): { status: number; code: number; message: string } {
  if (error instanceof EngineError) {
    const { status, code, type, message } = error;
    return { status, code, message: `Code: ${code}. DB::Exception: ${message} (${type})` };
  }
  const { clickhouseCode, message } = error as ChdbError;
  if (clickhouseCode === undefined) return { status: 500, code: 0, message: `Code: 0. DB::Exception: ${message}` };
  return { status: 500, code: clickhouseCode, message };
}
