import { createServer, type AddressInfo } from 'node:net';
import { freePort, ServerProcess } from './support/server-process.js';
import { type Stack, startStack } from './support/stack.js';

describe('an address that cannot be listened on', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ apis: 0, workers: 0 });
  });
  afterAll(() => stack?.stop());

  const said = async (entry: 'main' | 'worker', env: Record<string, string>): Promise<string> => {
    const process = ServerProcess.start(entry, { ...stack.variables, PORT: String(await freePort()), ...env });
    expect(await process.ended()).toBe(1);
    return process.text;
  };

  test.each([
    ['main', '192.0.2.1', /EADDRNOTAVAIL/],
    ['worker', '192.0.2.1', /EADDRNOTAVAIL/],
    // Without a name server that answers, the system says so in other words.
    ['main', 'nowhere.invalid', /ENOTFOUND|EAI_AGAIN/],
  ] as const)('%s with HOST=%s ends and names HOST', async (entry, host, code) => {
    const text = await said(entry, { HOST: host, PUBLIC_URL: 'http://127.0.0.1:3000' });
    expect(text).toMatch(/^ {2}- HOST names no address of this machine/m);
    expect(text).toMatch(code);
    expect(text).not.toContain('DATABASE_URL');
  });

  test.each([
    ['main', 'PORT'],
    ['worker', 'WORKER_PORT'],
  ] as const)('%s names %s where the port is taken', async (entry, variable) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    expect(await said(entry, { [variable]: String(port) })).toMatch(
      new RegExp(`^ {2}- ${variable} is taken by another program`, 'm'),
    );
    await new Promise((resolve) => taken.close(resolve));
  });
});
