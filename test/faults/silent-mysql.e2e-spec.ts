import { encodeEnvelope } from '../../src/events/envelope.js';
import { call, registerApp, signIn } from '../support/client.js';
import { acceptedEvent } from '../support/events.js';
import { countNaively, storedCounts } from '../support/naive-counts.js';
import { Relay } from '../support/relay.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';

const LEDGER = 'INSERT INTO ingest_batches';

describe('connections to MySQL whose packets vanish', () => {
  let stack: Stack;
  let mysql: Relay;
  const events: ReturnType<typeof acceptedEvent>[] = [];

  beforeAll(async () => {
    const env = { MYSQL_TIMEOUT_MS: '3000', LOCK_WAIT_TIMEOUT_S: '1', CLAIM_LEASE_MS: '3000' };
    stack = await startStack({ apis: 1, workers: 0, env });
    const { socketPath, host, port, user, password, database } = stack.env.database;
    mysql = await Relay.to(socketPath ? { path: socketPath } : { host, port: port! });
    const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    stack.variables.DATABASE_URL = `mysql://${login}@127.0.0.1:${mysql.port}/${database}`;
  });
  afterAll(async () => {
    // What MySQL still believes to be connected holds locks that would keep the database from being dropped.
    await mysql?.cut();
    await mysql?.mend();
    await stack?.stop();
    await mysql?.cut();
  });

  /** Puts events into one segment, so that they are one claim and one chunk. */
  const push = async (name: string): Promise<void> => {
    const fresh = Array.from({ length: 20 }, (_none, i) =>
      acceptedEvent({ eventId: `${name} ${i}`, event: name, userValue: `person ${i % 7}` }),
    );
    events.push(...fresh);
    await stack.push(0, ...fresh.map(encodeEnvelope));
  };
  /** Everything that was pushed so far is stored and counted once, and entered once in the ledger. */
  const countedOnce = async (): Promise<void> => {
    await stack.drained(60_000);
    expect(await storedCounts(stack)).toEqual(countNaively(events));
    const [ledger] = await stack.query(
      'SELECT SUM(received) AS received, SUM(inserted) AS inserted, SUM(dead) AS dead FROM ingest_batches',
    );
    const all = String(events.length);
    expect(ledger).toEqual({ received: all, inserted: all, dead: '0' });
  };
  const failures = () => stack.workers[0]!.records.filter(({ msg }) => String(msg).startsWith('A drain failed'));

  test('revoked keys are read again, over a connection that is new', async () => {
    const direct = stack.url;
    const { url } = await stack.startApi();
    const ann = await signIn(direct);
    const app = await registerApp(direct, ann);
    const post = async (): Promise<number> =>
      (await call(`${url}/collect`, { key: app.apiKey, body: { event: 'tick' } })).status;
    await until(async () => (await post()) === 202, 'the app to be known');
    mysql.silence();
    await call(`${direct}/api/auth/revoke`, { token: ann.accessToken, body: { keyId: app.keyId } });
    await until(async () => (await post()) === 401, 'the key to be refused');
    await stack.emptyBuffer();
  });

  test('the drain goes on', async () => {
    await stack.startWorker();
    await push('before');
    await countedOnce();
    mysql.silence();
    await push('after');
    await countedOnce();
  });

  test.each([
    ['of which the answer is lost: MySQL has it, and nothing is written again', true],
    ['that is lost: MySQL lets go of it after wait_timeout, and it is written then', false],
  ])('a COMMIT %s', async (_case, arrives) => {
    const before = failures().length;
    const sprung = mysql.silenceAt(LEDGER, 'COMMIT', arrives);
    await push(`commit ${arrives}`);
    await sprung;
    await countedOnce();
    expect(failures()[before]).toMatchObject({ err: { code: 'ETIMEDOUT' } });
  });
});
