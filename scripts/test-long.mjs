import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './launcher/settings.mjs';
import { say } from './launcher/terminal.mjs';

// npm run test:long [-- soak|abuse|data|copy …]: the long forms of what npm test does in short, about three hours. Measure on a machine
// that does nothing else: all but the soak have bars.

/** @type {Record<string, { title: string, args: string[] }>} */
const PARTS = {
  soak: {
    title: 'npm run soak -- --minutes 10: faults under load',
    args: [join('scripts', 'soak.mjs'), '--minutes', '10'],
  },
  abuse: {
    title: 'npm run bench -- abuse: what others notice of a flood',
    args: [join('bench', 'run.mjs'), 'abuse'],
  },
  data: {
    title: 'npm run bench -- worker pipeline queries: ten million events',
    args: [join('bench', 'run.mjs'), 'worker', 'pipeline', 'queries'],
  },
  copy: {
    title: 'npm run bench -- read-model freshness outage mixed: the copy in ClickHouse for an hour and a half',
    args: [join('bench', 'run.mjs'), 'read-model', 'freshness', 'outage', 'mixed'],
  },
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in PARTS));
if (unknown) {
  say(`There is no part called ${unknown}: ${Object.keys(PARTS).join(', ')}`);
  process.exit(1);
}
/** @type {import('node:child_process').ChildProcess | undefined} */
let child;
let interrupted = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    interrupted = true;
    child?.kill(signal);
  });
}

const failed = [];
for (const [name, { title, args }] of Object.entries(PARTS)) {
  if (interrupted || (asked.length > 0 && !asked.includes(name))) continue;
  say(`\n${title}`);
  const code = await run(args);
  say(code === 0 ? `PASS ${name}` : `FAIL ${name}`);
  if (code !== 0) failed.push(name);
}
process.exitCode = failed.length > 0 || interrupted ? 1 : 0;

/**
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
function run(args) {
  return new Promise((resolve) => {
    child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
