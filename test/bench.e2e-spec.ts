import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** It only shows that every part works: figures of a machine that runs tests beside it mean nothing. */
test('npm run bench -- --smoke runs every part and reports every row', async () => {
  const child = spawn(process.execPath, [join('bench', 'run.mjs'), '--smoke'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, errors] = ['', ''];
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (errors += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  expect([code, errors.includes('Error')]).toEqual([0, false]);
  const rows = said.split('\n').filter((line) => /^\| .* \| (met|\*\*missed\*\*) \|/.test(line));
  const parts = new Set(rows.map((row) => row.split(' | ').at(-1)!.replace(' |', '')));
  expect([...parts].sort()).toEqual(['collect', 'footprint', 'pipeline', 'queries', 'worker']);
  expect(rows.length).toBeGreaterThanOrEqual(15);
}, 300_000);
