import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import coverage from 'istanbul-lib-coverage';
import report from 'istanbul-lib-report';
import reports from 'istanbul-reports';
import { ROOT } from './launcher/settings.mjs';
import { say } from './launcher/terminal.mjs';

// npm run coverage [-- ARGUMENTS OF JEST]: runs the tests and measures which lines of src/ they reach: coverage/index.html shows
// them. It adds what runs within Jest and what the product's own processes run (API, worker, commands), which the end-to-end tests start.

const FOLDER = join(ROOT, 'coverage');
const RAW = join(FOLDER, 'raw');
const PROCESSES = join(FOLDER, 'processes');
const JEST = join(FOLDER, 'jest');

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(RAW, { recursive: true });
const withinJest = ['--coverage', '--coverageProvider=v8', '--coverageReporters=json', `--coverageDirectory=${JEST}`];
const files = ['--collectCoverageFrom=src/**/*.ts', '--collectCoverageFrom=!src/**/*.spec.ts'];
const code = await node([join('scripts', 'test.mjs'), ...withinJest, ...files, ...process.argv.slice(2)], {
  NODE_V8_COVERAGE: RAW,
});
await node([
  ...[join('node_modules', 'c8', 'bin', 'c8.js'), 'report', '--temp-directory', RAW, '--reports-dir', PROCESSES],
  // Sources are known only once the source maps are applied.
  ...['--exclude-after-remap', '--include', 'src/**', '--exclude', '**/*.spec.ts', '--reporter', 'json'],
]);
print([PROCESSES, JEST].map((folder) => join(folder, 'coverage-final.json')).filter((file) => existsSync(file)));
say(code === 0 ? 'All tests passed.' : 'Some tests failed: the figures are too low.');
process.exitCode = code;

/** @param {string[]} args @param {Record<string, string>} [env] @returns {Promise<number>} the exit code */
function node(args, env = {}) {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' });
  return new Promise((resolve) => child.on('exit', (status) => resolve(status ?? 1)));
}

/** @param {string[]} parts coverage files of istanbul */
function print(parts) {
  const map = coverage.createCoverageMap({});
  for (const file of parts) map.merge(JSON.parse(readFileSync(file, 'utf8')));
  // Source maps of packages name files of their own src/.
  map.filter((file) => existsSync(file));
  const context = report.createContext({ dir: FOLDER, coverageMap: map });
  for (const kind of /** @type {const} */ (['text-summary', 'html'])) reports.create(kind).execute(context);
}
