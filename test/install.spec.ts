import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where `@scarf/scarf`, which swagger-ui-dist depends on, reports each install. */
const TELEMETRY = 'scarf.sh:443';

const readJson = (file: string): Record<string, unknown> => JSON.parse(readFileSync(file, 'utf8')) as never;
const locked = Object.entries(readJson('package-lock.json').packages as Record<string, { hasInstallScript?: boolean }>);
/** Packages that would run a script of their own while they are installed. */
const scripted = locked
  .filter(([, { hasInstallScript }]) => hasInstallScript)
  .map(([path]) => path.replace(/^.*node_modules\//, ''));

const folder = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'install-'));
const connections = join(folder, 'connections');
let registry: Server;
let registryUrl: string;

beforeAll(async () => {
  // Loaded into npm and into every script that it runs: notes where each connection goes.
  writeFileSync(
    join(folder, 'recorder.cjs'),
    `const { Socket } = require('node:net');
     const { connect } = Socket.prototype;
     Socket.prototype.connect = function (...args) {
       const [options] = Array.isArray(args[0]) ? args[0] : args;
       require('node:fs').appendFileSync(${JSON.stringify(connections)}, (options.host ?? options.path) + ':' + options.port + '\\n');
       return connect.apply(this, args);
     };`,
  );
  registry = createServer((request, response) => {
    const name = decodeURIComponent(request.url!.slice(1).split('/-/')[0]!);
    if (!request.url!.endsWith('.tgz')) return void response.writeHead(404).end();
    // swagger-ui-dist is large, and only brings the package that reports installs.
    const files = name === 'swagger-ui-dist' ? './package.json' : '.';
    const tar = spawn('tar', ['-cz', '--transform=s,^[.],package,', '-C', join('node_modules', name), files]);
    tar.stdout.pipe(response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => registry.once('listening', resolve));
  registryUrl = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
});

afterAll(() => {
  registry.close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs `npm ci` as a person would, in a project with the given settings in its package.json.
 * @param names the packages that it depends on
 * @returns the hosts that were connected to
 */
async function npmCi(project: string, names: string[], settings: object, npmrc: string): Promise<string[]> {
  rmSync(connections, { force: true });
  const home = join(folder, project);
  mkdirSync(home);
  const root = { name: 'tallystone', version: '0.0.0', dependencies: Object.fromEntries(names.map(installed)) };
  const packages = Object.fromEntries([...names, '@scarf/scarf'].map(lockEntry));
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...root, ...settings }));
  writeFileSync(
    join(home, 'package-lock.json'),
    JSON.stringify({ ...root, lockfileVersion: 3, packages: { '': root, ...packages } }),
  );
  copyFileSync(npmrc, join(home, '.npmrc'));
  const npm = spawn('npm', ['ci'], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      NODE_OPTIONS: `--require=${join(folder, 'recorder.cjs')}`,
      npm_config_registry: registryUrl,
      npm_config_update_notifier: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  const code = await new Promise((resolve) => npm.on('close', resolve));
  expect([code, code === 0 ? '' : said]).toEqual([0, '']);
  for (const name of names) expect(existsSync(join(home, 'node_modules', name, 'package.json'))).toBe(true);
  return [...new Set(readFileSync(connections, 'utf8').trim().split('\n'))];
}

function installed(name: string): [string, string] {
  return [name, readJson(join('node_modules', name, 'package.json')).version as string];
}

function lockEntry(name: string): [string, object] {
  const { dependencies, scripts = {} } = readJson(join('node_modules', name, 'package.json'));
  const [, version] = installed(name);
  const hasInstallScript = ['preinstall', 'install', 'postinstall'].some((script) => script in (scripts as object));
  const needs = name === 'swagger-ui-dist' ? { dependencies } : {};
  return [
    `node_modules/${name}`,
    { version, resolved: `${registryUrl}/${name}/-/${version}.tgz`, hasInstallScript, ...needs },
  ];
}

describe('installing the dependencies', () => {
  const { allowScripts, scarfSettings } = readJson('package.json');
  const reporting = ['swagger-ui-dist'];

  /** It gives up where asking npm for the tree of packages takes it longer than three seconds. */
  const quick = { skipTraversal: true };
  const allowAll = join(folder, 'allow-all');

  beforeAll(() => writeFileSync(allowAll, 'ignore-scripts=false\ndangerously-allow-all-scripts=true\n'));

  it('names every package that has an install script, and lets none of them run it', () => {
    expect(allowScripts).toEqual(Object.fromEntries(scripted.map((name) => [name, false])));
    expect(readFileSync('.npmrc', 'utf8')).toMatch(/^ignore-scripts=true$/m);
  });

  it('connects to the registry alone', async () => {
    const hosts = await npmCi('ours', [...scripted, ...reporting], { allowScripts, scarfSettings }, '.npmrc');
    expect(hosts).toEqual([new URL(registryUrl).host]);
  });

  it('sends no telemetry where somebody allows all scripts', async () => {
    expect(
      await npmCi('scripts', reporting, { scarfSettings: { ...(scarfSettings as object), ...quick } }, allowAll),
    ).not.toContain(TELEMETRY);
  });

  it('is seen to send telemetry without our settings', async () => {
    expect(await npmCi('without', reporting, { scarfSettings: quick }, allowAll)).toContain(TELEMETRY);
  });
});
