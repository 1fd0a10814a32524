import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import type { Signed } from './client.js';

const SYSTEM = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];

/**
 * The system's Chromium or Chrome (or the one that CHROMIUM_PATH names). Where there is none: as root apt's, which is
 * installed and said so; else Playwright's own, downloaded. Never skipped.
 */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath(), args: ARGS });
}

/**
 * Chromium on one page, and nothing that controls it: Playwright stops pages that are prerendered.
 * @returns closes it
 */
export function openPage(url: string): () => Promise<void> {
  const profile = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'chromium-'));
  const args = ['--headless=new', '--no-first-run', `--user-data-dir=${profile}`, ...ARGS, url];
  const browser = spawn(executablePath(), args, { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  return async () => {
    browser.kill();
    await ended;
  };
}

function executablePath(): string {
  return systemBrowser() ?? aptBrowser() ?? ownBrowser();
}

function systemBrowser(): string | undefined {
  return [process.env.CHROMIUM_PATH, ...SYSTEM].find((path) => path && existsSync(path));
}

function aptBrowser(): string | undefined {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return undefined;
  process.stderr.write("No Chromium on this machine: installing apt's for the tests (apt-get install chromium)\n");
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: 'ignore' } as const;
  // Two test files may want it at the same time.
  const args = ['-o', 'DPkg::Lock::Timeout=300', '-y', '--no-install-recommends', 'install', 'chromium'];
  if (spawnSync('apt-get', args, options).status !== 0) {
    spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', 'update'], options);
    spawnSync('apt-get', args, options);
  }
  return systemBrowser();
}

function ownBrowser(): string {
  const path = chromium.executablePath();
  if (existsSync(path)) return path;
  process.stderr.write('No Chromium on this machine: downloading that of Playwright\n');
  const cli = join(
    createRequire(join(process.cwd(), 'package.json')).resolve('playwright-core/package.json'),
    '..',
    'cli.js',
  );
  const installed = spawnSync(process.execPath, [cli, 'install', 'chromium'], { stdio: 'ignore' });
  if (installed.status === 0) return path;
  throw new Error(
    'The browser tests need Chromium: install one (apt-get install chromium), or name it in CHROMIUM_PATH',
  );
}

/** Signs a browser context in as somebody who has signed in by {@link signIn}. */
export function useSession(context: BrowserContext, url: string, { cookies }: Pick<Signed, 'cookies'>): Promise<void> {
  return context.addCookies(Object.entries(cookies).map(([name, value]) => ({ name, value, url })));
}
