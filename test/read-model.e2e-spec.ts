import { formatUuid, uuidV7 } from '../src/events/event-id.js';
import { METADATA_MAX_BYTES, METADATA_MAX_DEPTH } from '../src/events/limits.js';
import { encodeEnvelope } from '../src/events/envelope.js';
import { call, registerApp, signIn } from './support/client.js';
import { acceptedEvent } from './support/events.js';
import { ReadModel } from './support/read-model.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

describe('the copy in ClickHouse', () => {
  let stack: Stack;
  let readModel: ReadModel;
  let app: { id: string; apiKey: string };
  beforeAll(async () => {
    stack = await startStack();
    readModel = new ReadModel(stack);
    app = await registerApp(stack.url, await signIn(stack.url));
  });
  afterAll(async () => {
    await readModel?.close();
    await stack?.stop();
  });

  const send = async (events: Record<string, unknown>[]): Promise<void> => {
    const { status, body } = await call(`${stack.url}/collect/batch`, { key: app.apiKey, body: { events } });
    expect({ status, rejected: body.rejected }).toMatchObject({ status: 202 });
  };
  const same = async (): Promise<void> => {
    await readModel.caughtUp();
    expect(await readModel.rows()).toEqual(await readModel.expected());
  };
  const figure = async (name: string): Promise<number> => {
    const { port } = stack.workers[0]!.records.find((record) => record.msg === 'worker ready')!;
    const { body } = await call(`http://127.0.0.1:${String(port)}/metrics`);
    return Number(new RegExp(`^tallystone_${name} (\\S+)$`, 'm').exec(String(body))![1]);
  };

  test('every committed event is there once, as MySQL stores it, whatever was sent twice', async () => {
    const now = Date.now();
    const events = Array.from({ length: 300 }, (_none, i) => ({
      event: ['view', 'Grüße \u{1F600}', 'a\tb\\c\'"'][(i % 250) % 3],
      eventId: `once-${i % 250}`,
      ...[
        { userId: `u${(i % 250) % 7}` },
        { anonymousId: `n${(i % 250) % 5}` },
        { userId: 'both', anonymousId: 'known' },
        {},
      ][(i % 250) % 4],
      ...((i % 250) % 2 === 0
        ? { url: `https://shop.example/p/${(i % 250) % 9}?utm_source=x`, referrer: 'https://t.co/' }
        : {}),
      sessionId: `s${(i % 250) % 11}`,
      metadata: { n: i % 250, text: 'ü' },
      timestamp: new Date(now - (i % 250) * 3_600_000).toISOString(),
    }));
    await send(events);
    await send(events);
    await same();
    expect(await readModel.count()).toBe(250);
    expect(await figure('read_model_copied_total')).toBe(250);
  });

  test('metadata is exactly what was sent, whatever its keys and values are', async () => {
    const deep = (levels: number): unknown => (levels === 1 ? '2026-11-30 12:00:00' : { a: deep(levels - 1) });
    const texts = [
      '{"a.b":1,"a":{"b":2}}',
      '{"date":"2026-01-01","time":"2026-01-01T00:00:00Z","number":"007"}',
      '{"n":null,"deep":[null,{"x":null}],"small":1e-9}',
      '{"":"","\\u0000":"\\u0000","\\\\":"\\"","é":"e\\u0301"}',
      '{"same":1}',
      '{"same":"one"}',
      '{"same":[1]}',
      JSON.stringify(deep(METADATA_MAX_DEPTH)),
      JSON.stringify({ text: 'x'.repeat(METADATA_MAX_BYTES - 11) }),
    ];
    for (const [i, text] of texts.entries()) {
      const sent = await fetch(`${stack.url}/collect`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': app.apiKey },
        body: `{"event":"exact","eventId":"exact-${i}","timestamp":"${new Date().toISOString()}","metadata":${text}}`,
      });
      expect([text.slice(0, 80), sent.status]).toEqual([text.slice(0, 80), 202]);
    }
    await same();
    const copied = (await readModel.rows()).filter(({ event }) => event === 'exact');
    expect(copied.map(({ metadataLeftOut }) => metadataLeftOut)).toEqual(texts.map(() => false));
    expect(copied.map(({ metadata }) => JSON.parse(metadata) as unknown)).toEqual(
      expect.arrayContaining(texts.map((text) => JSON.parse(text) as unknown)),
    );
  });

  test('a batch of 1,000 events in 500 months is copied', async () => {
    const month = (i: number): string => new Date(Date.UTC(1985, i % 500, 1 + (i % 27))).toISOString();
    await readModel.caughtUp();
    const before = await readModel.count();
    await send(
      Array.from({ length: 1000 }, (_none, i) => ({ event: 'old', eventId: `old-${i}`, timestamp: month(i) })),
    );
    await same();
    expect(await readModel.count()).toBe(before + 1000);
    const months = await readModel.client.query({
      query: `SELECT uniqExact(toYYYYMM(occurred_at)) AS months FROM events WHERE event = 'old'`,
      format: 'JSONEachRow',
    });
    const [found] = await months.json<{ months: string }>();
    expect(Number(found!.months)).toBe(500);
  });

  test('a referrer at one of the own hosts of an app is internal; stored events follow when the list changes', async () => {
    const { accessToken: token } = await signIn(stack.url);
    const site = await registerApp(stack.url, { accessToken: token });
    const path = `${stack.url}/api/apps/${site.id}`;
    const change = (body: object) => call(path, { token, method: 'PATCH', body });
    const sources = async (): Promise<Record<string, string>> => {
      await readModel.caughtUp();
      const rows = (await readModel.rows()).filter(({ appId }) => appId === site.id.replaceAll('-', ''));
      expect(await readModel.rows()).toEqual(await readModel.expected());
      return Object.fromEntries(rows.map(({ event, source }) => [event, source]));
    };
    const visit = async (event: string, referrer: string): Promise<void> => {
      const body = { event, url: 'https://shop.example/', referrer };
      expect((await call(`${stack.url}/collect`, { key: site.apiKey, body })).status).toBe(202);
    };
    expect((await call(path, { token })).body.hosts).toEqual([]);
    await visit('from pay', 'https://www.pay.example/done');
    await visit('from blog', 'https://ann.blogs.example/');
    const before = await sources();
    expect(before).toEqual({ 'from pay': 'pay.example', 'from blog': 'ann.blogs.example' });
    expect((await change({ hosts: ['pay.example', '*.blogs.example'] })).body.hosts).toEqual([
      'pay.example',
      '*.blogs.example',
    ]);
    await visit('from pay later', 'https://pay.example/');
    // The rebuild follows the last one by some minutes.
    await stack.query('UPDATE read_model SET complete_at = NOW(3) - INTERVAL 1 HOUR');
    const over = 'SELECT 1 FROM read_model WHERE hosts_changed = 0 AND rebuild_stage = 0';
    await until(async () => (await stack.query(over)).length === 1, 'the rebuild');
    const direct = before['from nowhere'] ?? '';
    expect(await sources()).toEqual({ 'from pay': direct, 'from blog': direct, 'from pay later': direct });
    for (const hosts of [
      ['https://pay.example'],
      ['pay.example/x'],
      ['a b'],
      ['*'],
      [''],
      ['a,b'],
      'pay.example',
      null,
    ]) {
      const { status, body } = await change({ hosts });
      expect([hosts, status, JSON.stringify(body)]).toEqual([hosts, 400, expect.stringContaining('hosts')]);
    }
  });

  test('each commit notes its batch in its own transaction', async () => {
    await send([{ event: 'noted', eventId: formatUuid(uuidV7(Date.now())) }]);
    await readModel.caughtUp();
    const ledger = await stack.query<{ rows: number; inserted: number }>(
      'SELECT outbox_rows AS `rows`, inserted FROM ingest_batches',
    );
    expect(ledger.filter(({ rows, inserted }) => (inserted > 0 ? 1 : 0) !== rows)).toEqual([]);
  });

  test('a ClickHouse that stores twice what is sent twice is refused, and taken once it does not', async () => {
    const setWindow = async (inserts: number): Promise<void> => {
      const query = `ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = ${String(inserts)}`;
      await readModel.client.command({ query });
    };
    const completeAt = async (): Promise<unknown> =>
      (await stack.query<{ at: unknown }>('SELECT complete_at AS at FROM read_model'))[0]!.at;
    await setWindow(0);
    await stack.workers[0]!.stop();
    const worker = await stack.startWorker();
    await until(() => /stores rows twice/.test(worker.text), 'the worker to refuse it');
    await until(async () => (await completeAt()) === null, 'nobody to be answered by it');
    await send([{ event: 'kept back' }]);
    await until(async () => (await stack.query('SELECT 1 FROM outbox')).length === 1, 'a batch in the outbox');
    await setWindow(10_000);
    await until(async () => (await completeAt()) !== null, 'the copy to be complete again');
    await same();
    const probes = await readModel.client.query({ query: 'EXISTS TABLE deduplication_probe', format: 'TabSeparated' });
    expect(await probes.text()).toBe('0\n');
  });

  test('the read model of another installation is refused, and nothing in it changes', async () => {
    const other = await startStack({
      apis: 0,
      env: {
        CLICKHOUSE_URL: stack.variables.CLICKHOUSE_URL!,
        CLICKHOUSE_COPY_URL: stack.variables.CLICKHOUSE_COPY_URL!,
      },
    });
    const before = await readModel.count();
    await until(() => /belongs to installation/.test(other.workers[0]!.text), 'the worker to refuse it');
    const [state] = await other.query<{ enabled: number }>('SELECT enabled FROM read_model');
    expect(state!.enabled).toBe(0);
    // Nor does it send anything there where it had a read model of its own before.
    await other.query('UPDATE read_model SET enabled = 1, complete_at = NOW(3)');
    await other.push(0, encodeEnvelope(acceptedEvent()));
    await until(async () => (await other.query('SELECT 1 FROM outbox')).length === 1, 'a batch in the outbox');
    await until(async () => {
      const [{ complete }] = (await other.query('SELECT complete_at AS complete FROM read_model')) as [
        { complete: null },
      ];
      return complete === null;
    }, 'the worker to have nobody answered by it');
    expect(await readModel.count()).toBe(before);
    await other.stop();
  });
});
