import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'tallystone-clone-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the import rules hold where nothing is built yet', () => {
  for (const name of [
    ...['.dependency-cruiser.cjs', '.dependency-cruiser-resolve.mjs', 'package.json', 'tsconfig.json'],
    ...['src', 'migrations', 'web', 'tracker', 'scripts', 'bench', 'test'],
  ]) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  const { stdout, status } = spawnSync('npm', ['run', '--silent', 'imports'], { cwd: folder, encoding: 'utf8' });
  expect([status, status === 0 ? '' : stdout]).toEqual([0, '']);
});
