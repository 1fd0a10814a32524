import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { installedPackages, lockedPackages, npm } from './prepare.mjs';
import { ROOT } from './settings.mjs';
import { step } from './terminal.mjs';

/** Where chDB is installed: apart from the product's own packages, since it takes 566 MB and not everybody needs it. */
export const ENGINE_FOLDER = join(ROOT, 'engine');

/**
 * Installs chDB as engine/package-lock.json says, unless it is there already. Not by `npm ci`, which wants the lock to name
 * the binaries of all platforms: a registry may lack some of them.
 * @param {AbortSignal} [signal] ends the installation, which the next start then begins anew
 * @returns whether there is a binary of it for this platform
 */
export async function prepareEngine(env, signal) {
  if (!engineFits()) {
    mkdirSync(join(ROOT, 'dist'), { recursive: true });
    const install = async () => {
      if (engineFits()) return;
      await step('Installing the ClickHouse engine (566 MB)', () => npm('install', ENGINE_FOLDER, env, signal));
    };
    await withLock(join(ROOT, 'dist', '.engine.lock'), install, signal);
  }
  return hasEngine(ENGINE_FOLDER);
}

function engineFits() {
  const installed = installedPackages(ENGINE_FOLDER);
  const wanted = lockedPackages(ENGINE_FOLDER) ?? {};
  if (!installed) return false;
  return Object.entries(wanted).every(
    ([path, { optional, version }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/**
 * Whether chDB is installed in a folder with a binary. npm leaves out binaries of other platforms, and all of them where
 * there is none for this one.
 */
export function hasEngine(folder) {
  return Object.keys(installedPackages(folder) ?? {}).some((path) => path.includes('/@chdb/lib-'));
}
