import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildEnvironment, npmEnvironment } from './environments.mjs';
import { installCommand } from './install-command.mjs';
import { withLock } from './lock.mjs';
import { run } from './processes.mjs';
import { findTool } from './server-binaries.mjs';
import { ROOT } from './settings.mjs';
import { LaunchError, step } from './terminal.mjs';

const STAMP = join(ROOT, 'dist', '.inputs');
/** The compiler's own record: with this and nothing built, it would build nothing. */
const BUILD_INFO = join(ROOT, 'dist', '.tsbuildinfo');
const SOURCES = ['src', 'migrations', 'web', 'tracker'];
const BUILT = [
  'src/main.js',
  'server/main.js',
  'device-models.json',
  'tracker/t.js',
  'tracker/extra.js',
  'web/index.html',
  'swagger-ui/swagger-ui-bundle.js.br',
];
const SINGLE_INPUTS = [
  'package-lock.json',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build-server.mjs',
  'scripts/launcher/programs.mjs',
  'scripts/build-device-models.mjs',
  'scripts/build-tracker.mjs',
  'scripts/matching-texts.mjs',
  'scripts/compress-static.mjs',
];

/** Dependencies as package-lock.json says, and dist/ as the sources say. */
export async function prepareProject(env) {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  await withLock(join(ROOT, 'dist', '.prepare.lock'), async () => {
    if (!dependenciesFit()) await installDependencies(env);
    if (!buildFits()) await build(env);
  });
}

/** Compares with npm's own record of what it installed, so an `npm install` by hand is as good. */
function dependenciesFit() {
  const wanted = lockedPackages(ROOT) ?? {};
  const installed = installedPackages(ROOT);
  if (!installed) return false;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || installed[path]?.version === entry.version,
  );
}

/** Packages that a folder's package-lock.json names, by their path. */
export function lockedPackages(folder) {
  return readJson(join(folder, 'package-lock.json'))?.packages;
}

/** Packages that npm has installed in a folder, by its own record. */
export function installedPackages(folder) {
  return readJson(join(folder, 'node_modules', '.package-lock.json'))?.packages;
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function installDependencies(env) {
  const modules = join(ROOT, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new LaunchError('node_modules is a link and does not fit package-lock.json: run `npm ci` where it leads to');
  }
  await step('Installing dependencies', () => npm('ci', ROOT, env));
}

/**
 * Installs packages, those for development included: the build needs them, whatever NODE_ENV is.
 * @param {'ci' | 'install'} command `install` changes neither package.json nor its lock
 * @param folder where package.json is
 * @param {AbortSignal} [signal] ends npm
 */
export function npm(command, folder, env, signal) {
  const args = [
    command,
    ...(command === 'install' ? ['--no-save'] : []),
    '--include=dev',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ];
  if (!env.npm_execpath && !findTool(['npm'])) {
    throw new LaunchError(`npm is missing. Install it with\n\n  ${installCommand(['npm'])}`);
  }
  const program = env.npm_execpath?.endsWith('.js') ? [process.execPath, env.npm_execpath] : ['npm'];
  return run(program[0], [...program.slice(1), ...args], {
    cwd: folder,
    env: npmEnvironment(env),
    what: `npm ${command}`,
    signal,
  });
}

/** What dist/ was built from and when, as one text. */
export function builtFrom() {
  return existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
}

function buildFits() {
  return (
    builtFrom() === `${inputsHash()} ${lastBuild()}` && BUILT.every((file) => existsSync(join(ROOT, 'dist', file)))
  );
}

async function build(env) {
  const hash = inputsHash();
  rmSync(STAMP, { force: true });
  if (!existsSync(join(ROOT, 'dist', 'src', 'main.js'))) rmSync(BUILD_INFO, { force: true });
  // React's other build is twice as large, whoever builds.
  const forPeople = { ...buildEnvironment(env), NODE_ENV: 'production' };
  await step('Building', async () => {
    const vite = [join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--config', 'web/vite.config.ts'];
    for (const args of [
      [nestCli(), 'build'],
      [join(ROOT, 'scripts', 'build-server.mjs')],
      [join(ROOT, 'scripts', 'build-device-models.mjs')],
      [join(ROOT, 'scripts', 'build-tracker.mjs')],
      [...vite, '--logLevel', 'error'],
      [join(ROOT, 'scripts', 'compress-static.mjs')],
    ]) {
      await run(process.execPath, args, { cwd: ROOT, env: forPeople, what: 'npm run build' });
    }
  });
  writeFileSync(STAMP, `${hash} ${lastBuild()}`);
}

export function nestCli() {
  return join(ROOT, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
}

/** Changes when anybody else builds, as `npm run build` and the watching build do. */
function lastBuild() {
  return statSync(BUILD_INFO, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Content, not times: a checkout that changes nothing needs no build. */
function inputsHash() {
  const hash = createHash('sha256');
  const files = [
    ...SINGLE_INPUTS.map((name) => join(ROOT, name)),
    ...SOURCES.flatMap((name) => [...walk(join(ROOT, name))]),
  ];
  for (const file of files.filter((name) => existsSync(name) && !name.endsWith('.spec.ts')).sort()) {
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function* walk(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}
