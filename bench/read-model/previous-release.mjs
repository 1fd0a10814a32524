import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildEnvironment } from '../../scripts/launcher/environments.mjs';
import { ROOT } from '../../scripts/launcher/settings.mjs';

/** The release that was made last: docs/releases.json begins with it. */
const [{ version, commit }] = JSON.parse(readFileSync(join(ROOT, 'docs', 'releases.json'), 'utf8'));
const TAR_MAX_BYTES = 1024 ** 3;

/**
 * Takes the server of the last release from git and builds it, on the packages that are installed here.
 * @param {string} parent folder in which its folder is made
 * @returns {Promise<{ missing: string, folder?: undefined, version?: undefined } | { missing?: undefined, folder: string, version: string }>}
 *   `missing`: why it cannot be had
 */
export async function unpackPreviousRelease(parent) {
  const tar = spawnSync('git', ['archive', '--format=tar', commit], { cwd: ROOT, maxBuffer: TAR_MAX_BYTES });
  if (tar.status !== 0) return { missing: `this copy of the repository has no history of ${version}` };
  const folder = join(parent, `release-${version}`);
  mkdirSync(folder);
  execFileSync('tar', ['-x'], { cwd: folder, input: tar.stdout });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const step of [
    [join('node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'],
    [join('scripts', 'build-device-models.mjs')],
  ]) {
    const built = spawnSync(process.execPath, step, { cwd: folder, env: buildEnvironment(), encoding: 'utf8' });
    if (built.status !== 0)
      return {
        missing: `${version} cannot be built on the packages of today: ${lastLine(built.stdout + built.stderr)}`,
      };
  }
  return { folder, version };
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}
