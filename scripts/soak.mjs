import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './launcher/settings.mjs';
import { warn } from './launcher/terminal.mjs';

// npm run soak [-- --minutes N]: the fault test for N minutes (default 10) at the true times, on services of its own.

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 24 * 60)) {
  warn('--minutes takes a number above 0, 1440 at the most: npm run soak -- --minutes 10');
  process.exit(1);
}
const child = spawn(process.execPath, [join(ROOT, 'scripts', 'test.mjs'), 'test/faults/soak.e2e-spec.ts'], {
  cwd: ROOT,
  env: { ...process.env, SOAK_MINUTES: String(minutes) },
  stdio: 'inherit',
});
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
