// Loaded into a worker before all else (NODE_OPTIONS=--import): sends it CRASH_SIGNAL (SIGKILL) at the CRASH_AFTERth
// passing of the point named in CRASH_AT. It watches what goes to MySQL, Redis and ClickHouse, so that the product holds no line for tests.
import http from 'node:http';
import { Redis } from 'ioredis';
import mysql from 'mysql2';

const { Connection } = mysql;

const point = process.env.CRASH_AT;
const signal = process.env.CRASH_SIGNAL ?? 'SIGKILL';
let left = Number(process.env.CRASH_AFTER ?? 1);

/** Statements by the point that is passed when their answer is here. */
const AFTER = {
  'after-cursor': /ingest_claims \(|^UPDATE ingest_claims/,
  'after-events': /^INSERT INTO events/,
  'after-event-summary': /^INSERT INTO event_summary /,
  'after-user-analytics': /^INSERT INTO user_analytics/,
  'after-commit': /^COMMIT/,
  'after-group': /^UPDATE outbox SET group_id/,
  'after-outbox': /^DELETE FROM outbox/,
  'after-exchange-begin': /^UPDATE read_model SET rebuild_stage = 2/,
  'after-read-model-stage': /^UPDATE erasures SET stage = 'read-model'/,
};

function passed(name) {
  if (name === point && (left -= 1) === 0) process.kill(process.pid, signal);
}

for (const method of ['query', 'execute']) watch(method);

function watch(method) {
  const original = Connection.prototype[method];
  Connection.prototype[method] = function watched(statement, ...rest) {
    const sql = String(statement?.sql ?? statement).trim();
    if (/^START TRANSACTION/.test(sql)) passed('before-begin');
    if (/^COMMIT/.test(sql)) passed('before-commit');
    if (/^UPDATE erasures SET stage = 'done'/.test(sql)) passed('before-erased');
    if (/^UPDATE read_model SET rebuild_stage = 0/.test(sql)) passed('before-exchange-end');
    const name = Object.keys(AFTER).find((key) => AFTER[key].test(sql));
    const callback = rest.at(-1);
    if (name && typeof callback === 'function') {
      rest[rest.length - 1] = (error, ...answer) => {
        if (!error) passed(name);
        callback(error, ...answer);
      };
    }
    return original.call(this, statement, ...rest);
  };
}

const sendCommand = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function watched(command, ...rest) {
  const [, , first = '', second = ''] = command.args.map(String);
  const script = /^eval/.test(command.name);
  const calls = (...names) => script && names.every((name, i) => String(command.args[i + 2] ?? '').endsWith(name));
  const finishes = script && first.endsWith(':claims') && /:claim:[0-9a-f]{32}$/.test(second);
  if (finishes) passed('before-unlink');
  const then = (name) => command.promise.then((answer) => answer && passed(name)).catch(() => undefined);
  if (finishes) then('after-unlink');
  if (calls(':waiting', ':claims')) then('after-claim');
  if (calls(':usage', ':waiting', '{buffer}:')) then('after-adopt');
  return sendCommand.call(this, command, ...rest);
};

const { request } = http;
/** @type {any} */ (http).request = function watched(url, ...rest) {
  const sent = Reflect.apply(request, this, [url, ...rest]);
  const { searchParams } = new URL(url);
  const inserts = searchParams.has('insert_deduplication_token');
  if (inserts && /^INSERT INTO events/.test(searchParams.get('query') ?? '')) {
    passed('before-copy');
    sent.on('response', () => passed('after-copy'));
  }
  return sent;
};
