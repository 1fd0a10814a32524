import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, registerApp, signIn } from './support/client.js';
import { freePort, ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';

/** A package that is found nowhere is no second copy of one that the bundle holds, with decorators and connections of its own. */
describe('the built server without node_modules', () => {
  let folder: string;
  let stack: Stack;
  const processes: ServerProcess[] = [];
  const start = (...[entry, env, args]: Parameters<typeof ServerProcess.start>): ServerProcess => {
    const process = ServerProcess.start(entry, env, args, folder);
    processes.push(process);
    return process;
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tallystone-bundle-'));
    cpSync('package.json', join(folder, 'package.json'));
    cpSync('dist', join(folder, 'dist'), { recursive: true, filter: (path) => !path.startsWith('dist/.') });
    stack = await startStack({ apis: 0, workers: 0 });
  });
  afterAll(async () => {
    for (const process of processes) await process.stop();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('migrates, collects, copies, answers and shows its pages', async () => {
    const migrate = start('migrate', stack.variables);
    expect(await migrate.ended()).toBe(0);
    const port = String(await freePort());
    const api = start('main', { ...stack.variables, PORT: port });
    stack.apis.push({ process: api, url: `http://127.0.0.1:${port}` });
    await api.ready(() => api.records.some(({ msg }) => String(msg).startsWith('ready ')));
    const worker = start('worker', stack.variables);
    stack.workers.push(worker);
    await worker.ready(() => worker.records.some(({ msg }) => msg === 'worker ready'));
    const { url } = stack;
    // The stand-in for Google is a package of its own, loaded when it is needed.
    const account = await signIn(url);
    const { id, apiKey } = await registerApp(url, account);
    const events = ['ann', 'bob', 'ann'].map((userId) => ({ event: 'tick', userId }));
    expect((await call(`${url}/collect/batch`, { key: apiKey, body: { events } })).status).toBe(202);
    await stack.drained();
    const token = account.accessToken;
    const summary = await call(`${url}/api/analytics/event-summary?appId=${id}&event=tick`, { token });
    expect(summary.body).toMatchObject({ count: 3, uniqueUsers: 2 });
    // Numbers in an address become numbers by class-transformer, also in classes that @nestjs/swagger puts together.
    const page = await call(`${url}/api/analytics/events?appId=${id}&limit=2`, { token });
    expect(page.status).toBe(200);
    expect(page.body).toMatchObject({ data: [{ event: 'tick' }, { event: 'tick' }] });
    const wrong = await call(`${url}/api/analytics/events?appId=${id}&limit=0`, { token });
    expect([wrong.status, JSON.stringify(wrong.body)]).toEqual([400, expect.stringContaining('limit')]);
    for (const path of [
      '/',
      '/keys',
      '/api-docs',
      '/api-docs-json',
      '/api-docs/page/page.js',
      '/api-docs/swagger-ui/swagger-ui.css',
      '/t.js',
      '/favicon.ico',
      '/health',
    ]) {
      const answer = await fetch(url + path, { redirect: 'manual' });
      expect([path, answer.status]).toEqual([path, 200]);
      await answer.arrayBuffer();
    }
    expect(await start('audit-counts', stack.variables).ended()).toBe(0);
    for (const name of ['dead-letters', 'accounts'] as const)
      expect(await start(name, stack.variables, ['list']).ended()).toBe(0);
    expect(await start('projection', stack.variables, ['status']).ended()).toBe(0);
  });

  test('its source maps name the sources, and only ours', () => {
    const text = 'a worker begins within seconds';
    const lineOf = (file: string) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .findIndex((line) => line.includes(text));
    const file = join('dist', 'server', 'projection.js');
    const line = lineOf(file);
    const column = readFileSync(file, 'utf8').split('\n')[line]!.indexOf(text);
    const payload = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload;
    expect(payload.sources.filter((source) => source.includes('node_modules'))).toEqual([]);
    const entry = new SourceMap(payload).findEntry(line, column) as SourceMapping;
    expect(entry.originalSource).toMatch(/src\/projection\.ts$/);
    expect(entry.originalLine).toBe(lineOf('src/projection.ts'));
  });
});
