import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDir } from './data-dir.mjs';
import { redisServer } from './redis-server.mjs';
import { ServerChoice } from './server-choice.mjs';

/** A Redis under a name that no machine has. */
const kind = { ...redisServer, programs: ['tallystone-test-redis'] };
const { PATH } = process.env;
let home: string;
let dataDir: DataDir;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tallystone-choice-'));
  dataDir = new DataDir(join(home, 'data')).make();
  process.env.PATH = `${join(home, 'first')}:${join(home, 'second')}:${PATH}`;
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(home, { recursive: true });
});

function program(folder: string, text: string, name = kind.programs[0]!): string {
  mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return join(home, folder, name);
}
const saying = (version: string): string => `echo "Redis server v=${version} sha=0"`;

function choice(fetched?: string): ServerChoice {
  const packages = {
    canFetch: () => fetched !== undefined,
    fetchPackages: async () => void program('data/bin/redis/usr/bin', fetched!),
  };
  return new ServerChoice(kind, dataDir, { bin: dataDir.in('bin'), wanted: [kind], packages });
}

const BROKEN = {
  'ends with a signal': 'kill -SEGV $$',
  'lacks a library': 'echo "error while loading shared libraries: libssl.so.3" >&2; exit 127',
  'says nothing': 'exit 0',
  'is something else': 'echo "unrecognised option --version" >&2; exit 1',
  'is too old': saying('5.0.14'),
};

it.each(Object.entries(BROKEN))('fetches a server where the one of this machine %s', async (_case, text) => {
  program('first', text);
  expect(await choice(saying('7.0.15')).choose()).toMatchObject({ version: '7.0.15', fetched: true });
});

it('fetches a server where that of this machine is a link that leads nowhere', async () => {
  mkdirSync(join(home, 'first'));
  symlinkSync('redis-check-rdb', join(home, 'first', kind.programs[0]!));
  expect(await choice(saying('7.0.15')).choose()).toMatchObject({ fetched: true });
});

it('is not disturbed by a file where a folder could be', async () => {
  program('data/bin', 'exit 0', 'redis');
  program('', 'exit 0', 'first');
  const path = program('second', saying('7.2.4'));
  expect(await choice().choose()).toMatchObject({ path });
});

it('takes the second one of this machine where the first does not work', async () => {
  program('first', BROKEN['ends with a signal']);
  const path = program('second', saying('7.2.4'));
  expect(await choice().choose()).toMatchObject({ path, fetched: false });
});

it('takes another after the first was rejected, and that one again later', async () => {
  program('first', saying('7.4.1'));
  const path = program('second', saying('7.2.4'));
  const some = choice();
  some.reject(await some.choose());
  const second = await some.choose();
  expect(second).toMatchObject({ path });
  mkdirSync(dataDir.in('redis'));
  dataDir.rememberMaker('redis', second);
  expect(await choice().choose()).toMatchObject({ path });
});

it('names each fault, and the one command that gets a server', async () => {
  const broken = program('first', BROKEN['lacks a library']);
  const old = program('second', saying('5.0.14'));
  const failure: Error = await choice()
    .choose()
    .catch((error: Error) => error as never);
  expect(failure.message).toContain(`${broken} cannot be run (exit code 127: error while loading shared libraries`);
  expect(failure.message).toContain(`Redis 5.0.14 (${old}) is too old`);
  expect(failure.message).toMatch(/Install what is missing with\n\n {2}\S.* \S*(redis|valkey)\S*\n/);
});

it('says what is wrong with a server that was fetched, and the command', async () => {
  const failure: Error = await choice(BROKEN['lacks a library'])
    .choose()
    .catch((error: Error) => error as never);
  expect(failure.message).toMatch(/was fetched and cannot be used.*exit code 127.*Install what is missing with\n\n/s);
});
