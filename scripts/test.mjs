import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDir } from './launcher/data-dir.mjs';
import { EngineService } from './launcher/engine-service.mjs';
import { systemEnvironment } from './launcher/environments.mjs';
import { mysqlServer } from './launcher/mysql-server.mjs';
import { prepareProject } from './launcher/prepare.mjs';
import { endProcess, pidInFile } from './launcher/processes.mjs';
import { redisServer } from './launcher/redis-server.mjs';
import { PrivateService } from './launcher/service.mjs';
import { readSettings, ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';

// npm test [-- ARGUMENTS OF JEST]: every test on throw-away services. Neither .env nor a variable of the product counts.

/**
 * Variables of the tests themselves: how long the fault test goes on (scripts/soak.mjs), whether documents are written, and where
 * Node notes which code ran (scripts/coverage.mjs).
 */
const TEST_VARIABLES = ['SOAK_MINUTES', 'UPDATE_DOCS', 'NODE_V8_COVERAGE'];

/** Whose pid files tests may leave behind. */
const RUNNING = ['launcher', 'api', 'worker', 'engine', 'mysql', 'redis'];

/** Rows of the benchmark's table that its smoke must report. */
const SMOKE_ROWS = 15;

const folder = mkdtempSync(join(tmpdir(), 'tallystone-'));
const dataDir = new DataDir(join(folder, 'data'));
const results = join(folder, 'results.json');
const services = [];
/** What is run now; a signal ends it. */
let running;
let interrupted = false;
/** Given arguments, jest alone runs. */
const runsEverything = process.argv.length === 2;
/** How many of the steps beside the tests failed. */
let failedParts = 0;

async function runTests() {
  const given = Object.entries(process.env).filter(([name]) => TEST_VARIABLES.includes(name));
  const env = { ...systemEnvironment(), ...Object.fromEntries(given), NODE_ENV: 'test' };
  dataDir.make();
  await prepareProject(env);
  if (runsEverything) await check();
  if (interrupted) return 130;
  const [databaseUrl, redisUrl] = [await privateService(mysqlServer), await privateService(redisServer)];
  const { CLICKHOUSE_URL, CLICKHOUSE_COPY_URL } = await privateEngine(env);
  if (interrupted) return 130;
  const runner = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = ['--no-warnings', runner, '--config', 'jest.config.mjs', '--json', `--outputFile=${results}`];
  const jest = spawn(process.execPath, [...args, ...process.argv.slice(2)], {
    cwd: ROOT,
    env: {
      ...env,
      TEST_DATABASE_URL: databaseUrl,
      TEST_REDIS_URL: redisUrl,
      TEST_CLICKHOUSE_URL: CLICKHOUSE_URL,
      TEST_CLICKHOUSE_COPY_URL: CLICKHOUSE_COPY_URL,
      TEST_DIR: folder,
    },
    // Progress goes to stderr; what would go to stdout is the report, which is in the file.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  running = jest;
  return new Promise((resolve) => {
    jest.on('exit', (code, signal) => resolve(signal ? 1 : code));
    jest.on('error', () => resolve(1));
  });
}

async function privateService(kind) {
  const service = new PrivateService(kind, dataDir, { relaxed: true, bin: join(ROOT, '.data', 'bin') });
  services.unshift(service);
  await service.up();
  return service.url;
}

/** One engine for all tests, which have a database each. @returns the variables by which it is reached */
async function privateEngine(env) {
  const engine = new EngineService(readSettings({ ...env, ENGINE_MEMORY: '1G' }), dataDir);
  services.unshift(engine);
  await engine.prepare();
  if (!(await engine.begin())) throw new LaunchError('The tests need the ClickHouse engine.');
  return engine.addresses;
}

/** Ends what tests that were cut short may have left, then the services, and removes every file. */
async function cleanUp() {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const name = /(?:^|\/)run\/(\w+)\.pid$/.exec(file)?.[1];
    if (!name || !RUNNING.includes(name) || file.startsWith('data/')) continue;
    const pid = pidInFile(join(folder, file));
    if (pid) await endProcess(pid, 10_000);
  }
  for (const service of services) await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Lint, import rules, format and types: before the tests, which take far longer. */
async function check() {
  const { code, text } = await output('npm', ['run', '--silent', 'check']);
  if (interrupted) return;
  if (code !== 0) failedParts += 1;
  say(code === 0 ? 'PASS npm run check' : `FAIL npm run check\n${text}`);
}

/** After all tests, so that it disturbs none: it only shows that the benchmark works. @returns whether it does */
async function smokeBench() {
  const { code, text } = await output(process.execPath, [join(ROOT, 'bench', 'run.mjs'), '--smoke']);
  const rows = text.split('\n').filter((line) => /\| (met|\*\*missed\*\*) \|/.test(line));
  const works = code === 0 && rows.length >= SMOKE_ROWS;
  say(works ? `PASS npm run bench -- --smoke (${rows.length} rows)` : `FAIL npm run bench -- --smoke\n${text}`);
  return works;
}

/** What other accounts notice under a flood, in short. A busy machine is given a second try. @returns whether bars are met */
async function shortAbuse() {
  const args = [join(ROOT, 'bench', 'run.mjs'), 'abuse', '--short'];
  let said = '';
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const { code, text } = await output(process.execPath, args);
    if (code === 0) {
      say('PASS npm run bench -- abuse --short');
      return true;
    }
    said = text;
  }
  say(`FAIL npm run bench -- abuse --short\n${said}`);
  return false;
}

/** Runs a program to its end. */
async function output(program, args) {
  const said = [];
  running = spawn(program, args, {
    cwd: ROOT,
    env: systemEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const child = running;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => said.push(text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, text: Buffer.concat(said).toString() };
}

/** A file that could not be run at all counts as one failure. */
function summary() {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(results, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    running?.kill('SIGINT');
  });
}

let code = 1;
try {
  code = await runTests();
} catch (error) {
  warn(readable(error));
}
const { passed, failed: failedTests } = summary();
await cleanUp();
let failed = failedTests + failedParts;
if (failedParts > 0) code = 1;
const others = runsEverything && !interrupted ? [smokeBench, shortAbuse] : [];
for (const works of others) {
  if (interrupted || (await works())) continue;
  failed += 1;
  code = 1;
}
say(`${passed} passed, ${failed} failed`);
process.exit(code);
