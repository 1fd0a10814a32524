import { CLOCK_LEEWAY_MS, RevokedKeys } from '../../src/registry/revoked-keys.js';
import { formatUuid, lowestId, parseUuid, uuidV7 } from '../../src/events/event-id.js';
import { call, createKey, registerApp, signIn, type Signed } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';

const DAY_MS = 86_400_000;

describe('revoked keys', () => {
  let stack: Stack;
  let ann: Signed;
  let app: { id: string; apiKey: string; keyId: string };
  let kid: string;

  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
    ann = await signIn(stack.url);
    app = await registerApp(stack.url, ann);
    [{ kid }] = (await stack.query<{ kid: string }>('SELECT kid FROM api_keys LIMIT 1')) as [{ kid: string }];
  });
  afterAll(() => stack?.stop());

  const asAnn = (path: string, body?: unknown, method?: string) =>
    call(`${stack.url}/api/${path}`, { token: ann.accessToken, body, method });
  const code = async (apiKey: string, url = stack.url): Promise<unknown> => {
    const { status, body } = await call(`${url}/api/auth/api-key/self`, { key: apiKey });
    return status === 200 ? 'good' : body.code;
  };
  const hex = (id: string): string => parseUuid(id)!;

  /** Keys of an app from a time ago, newer by a millisecond each. @returns their ids, 32 hex digits */
  async function insertKeys(appId: string, count: number, agoMs: number, more: Record<string, string> = {}) {
    const from = Date.now() - agoMs;
    const columns = { revoked_at: 'NOW(3) - INTERVAL 1 HOUR', expires_at: 'NULL', kid: `'${kid}'`, ...more };
    const ids = Array.from({ length: count }, (_none, i) => uuidV7(from + i));
    const { revoked_at: revoked, expires_at: expires, kid: secret } = columns;
    const rows = ids.map(
      (id) => `(X'${id}', X'${hex(appId)}', 'key', 'last', 'write', ${secret}, NOW(), ${revoked}, ${expires})`,
    );
    const names = 'id, app_id, name, last_4, scopes, kid, issued_at, revoked_at, expires_at';
    await stack.query(`INSERT INTO api_keys (${names}) VALUES ${rows.join()}`);
    return ids;
  }

  async function readNow(): Promise<RevokedKeys> {
    const keys = new RevokedKeys([kid]);
    const runner = stack.db.createQueryRunner();
    await keys.readAll(runner);
    await runner.release();
    return keys;
  }

  test('of keys that can no longer verify, or are older than every good key, none is held in memory', async () => {
    const [used, deleted] = [await registerApp(stack.url, ann), await registerApp(stack.url, ann)];
    const old = await insertKeys(used.id, 1500, 30 * DAY_MS);
    const [good] = await insertKeys(used.id, 1, 20 * DAY_MS, { revoked_at: 'NULL' });
    const newer = await insertKeys(used.id, 3, 10 * DAY_MS);
    await insertKeys(used.id, 500, 9 * DAY_MS, { expires_at: 'NOW() - INTERVAL 1 DAY' });
    await insertKeys(used.id, 500, 8 * DAY_MS, { kid: "'gone'" });
    await insertKeys(used.id, 1, 40 * DAY_MS, { kid: "'gone'", revoked_at: 'NULL' });
    await insertKeys(deleted.id, 500, 7 * DAY_MS);
    expect((await asAnn(`apps/${deleted.id}`, undefined, 'DELETE')).status).toBe(202);
    const keys = await readNow();
    expect(keys.size).toBe(newer.length);
    const has = (ids: string[]): boolean[] => [...new Set(ids.map((id) => keys.has(id, hex(used.id))))];
    expect([has(old), has(newer), has([good!, hex(used.keyId)])]).toEqual([[true], [true], [false]]);
  });

  test('what is revoked while a process runs is forgotten again, and stays refused', async () => {
    const busy = await registerApp(stack.url, ann);
    const [oldest] = await insertKeys(busy.id, 1, 2 * DAY_MS, { revoked_at: 'NULL' });
    const keys = await readNow();
    const before = keys.size;
    const ended = await insertKeys(busy.id, 300, DAY_MS);
    await insertKeys(busy.id, 300, DAY_MS / 2, { expires_at: 'NOW() - INTERVAL 1 HOUR' });
    const runner = stack.db.createQueryRunner();
    await keys.readChanges(runner, 600);
    expect(keys.size).toBe(before + ended.length);
    await stack.query(`UPDATE api_keys SET revoked_at = NOW(3) - INTERVAL 1 SECOND WHERE id = X'${oldest}'`);
    await keys.forget(runner, () => true);
    expect([keys.size, [oldest!, ...ended].every((id) => keys.has(id, hex(busy.id)))]).toEqual([before, true]);
    expect(keys.has(hex(busy.keyId), hex(busy.id))).toBe(false);
    // A key that is being made, by a process whose clock is behind, is not taken for an old one.
    const behind = lowestId(Date.now() - CLOCK_LEEWAY_MS / 2).toString('hex');
    expect(keys.has(behind, hex(busy.id))).toBe(false);
    await keys.forget(runner, () => false);
    await runner.release();
    expect(keys.size).toBe(0);
  });

  test('a server that starts later refuses what was revoked or deleted before, and nothing else', async () => {
    const doomed = await registerApp(stack.url, ann);
    const gone = await createKey(stack.url, ann, { appId: app.id });
    await asAnn('auth/revoke', { keyId: gone.keyId });
    await asAnn(`apps/${doomed.id}`, undefined, 'DELETE');
    // To its clock all of it was made an hour ago.
    const later = await stack.startApi({
      NODE_OPTIONS: '--import ./test/support/shifted-clock.mjs',
      CLOCK_AHEAD_MS: '3600000',
    });
    const keys = [app.apiKey, gone.apiKey, doomed.apiKey, (await createKey(stack.url, ann, { appId: app.id })).apiKey];
    const codes = await Promise.all(keys.map((key) => code(key, later.url)));
    expect(codes).toEqual(['good', 'key_revoked', 'key_revoked', 'good']);
    await later.process.stop();
  });

  test('an app may have 1,000 revoked keys that are newer than its oldest good one', async () => {
    const full = await registerApp(stack.url, ann);
    await insertKeys(full.id, 2, 30 * DAY_MS, { revoked_at: 'NULL' });
    await insertKeys(full.id, 1000, 20 * DAY_MS);
    const refused = await asAnn('auth/api-key', { appId: full.id });
    expect([refused.status, refused.body.code]).toEqual([409, 'too_many_revoked_keys']);
    expect(refused.body.detail).toMatch(/1,000 .*expiresAt/);
    // Keys that expire are no burden.
    const { body } = await asAnn(`auth/api-key?app_id=${full.id}&limit=200`);
    expect(body.keys).toHaveLength(200);
    for (let oldest = 0; oldest < 2; oldest += 1) {
      const [row] = await stack.query<{ id: Buffer }>(
        'SELECT MIN(id) AS id FROM api_keys WHERE app_id = ? AND revoked_at IS NULL',
        [Buffer.from(hex(full.id), 'hex')],
      );
      const { status } = await asAnn('auth/revoke', { keyId: formatUuid(row!.id.toString('hex')) });
      expect(status).toBe(200);
    }
    expect((await asAnn('auth/api-key', { appId: full.id })).status).toBe(201);
  });

  test('the list is paged, newest first, and every key is on one page', async () => {
    const many = await registerApp(stack.url, ann);
    const made = [many.keyId];
    for (let i = 0; i < 4; i += 1) made.push((await createKey(stack.url, ann, { appId: many.id })).keyId);
    const listed: string[] = [];
    const sizes: number[] = [];
    let cursor = '';
    do {
      const { status, body } = await asAnn(`auth/api-key?app_id=${many.id}&limit=2&cursor=${cursor}`);
      expect(status).toBe(200);
      sizes.push(body.keys.length);
      listed.push(...body.keys.map(({ keyId }: { keyId: string }) => keyId));
      cursor = body.nextCursor;
    } while (cursor);
    expect([sizes, listed]).toEqual([[2, 2, 1], made.reverse()]);
    const whole = await asAnn(`auth/api-key?app_id=${many.id}`);
    expect([whole.body.keys.length, whole.body.nextCursor]).toEqual([5, null]);
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['cursor=x', 'cursor'],
    ]) {
      const { status, body } = await asAnn(`auth/api-key?app_id=${many.id}&${query}`);
      expect([status, body.errors[0].field]).toEqual([400, field]);
    }
  });
});
