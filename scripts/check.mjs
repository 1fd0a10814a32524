import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/*
 * npm run check: runs scripts of package.json, several at a time, and ends with 1 where one fails.
 *
 *   node scripts/check.mjs SCRIPT...     longest first takes the least time
 *
 * Says PASS or FAIL for each. Only a script that fails has its output shown.
 */

/** Each needs a core and up to 1 GB. */
const AT_A_TIME = Math.min(4, availableParallelism());

const waiting = process.argv.slice(2);
let failed = 0;

async function runNext() {
  for (let script = waiting.shift(); script !== undefined; script = waiting.shift()) {
    const began = Date.now();
    const { code, text } = await run(script);
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    if (code !== 0) failed += 1;
    process.stdout.write(code === 0 ? `PASS ${script} (${seconds} s)\n` : `FAIL ${script} (${seconds} s)\n${text}\n`);
  }
}

/**
 * @param {string} script name in package.json
 * @returns {Promise<{ code: number | null, text: string }>} code null: a signal ended it
 */
function run(script) {
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const said = [];
    const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text: Buffer.concat(said).toString() }));
  });
}

if (waiting.length === 0) {
  process.stderr.write('Name the scripts to run: node scripts/check.mjs lint format\n');
  process.exit(2);
}
await Promise.all(Array.from({ length: AT_A_TIME }, runNext));
process.exit(failed === 0 ? 0 : 1);
