import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, useSession } from './support/chromium.js';
import { call, createKey, registerApp, type Signed, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1440, height: 900 };
const LONG = {
  email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.example.test`,
  /** The longest name of an app and of a key. */
  name: 'W'.repeat(200),
  event: 'E'.repeat(128),
  userId: 'U'.repeat(128),
  emailId: `somebody@${'x'.repeat(60)}.example.test`,
  url: `https://shop.example/${'path'.repeat(200)}`,
  origin: `https://${'x'.repeat(60)}.example.com`,
};
const NAMES = ['A shop whose name is as long as sixty characters can be, yes', 'S'.repeat(60), LONG.name];
const E = encodeURIComponent;

describe('the layout of the pages, in Chromium', () => {
  let stack: Stack;
  let browser: Browser;
  let account: Signed;
  const apps: string[] = [];

  beforeAll(async () => {
    stack = await startStack();
    browser = await launchChromium();
    account = await signIn(stack.url, LONG.email);
    await signIn(stack.url, `mia@${LONG.email.split('@')[1]}`);
    for (const name of NAMES) {
      const { id, apiKey } = await registerApp(stack.url, account, {
        name,
        platform: 'web',
        timeZone: 'Europe/Berlin',
      });
      apps.push(id);
      await createKey(stack.url, account, { appId: id, name: LONG.name, allowedOrigins: [LONG.origin] });
      const events = [LONG.userId, LONG.emailId, 'u'].map((userId) => ({
        ...{ event: LONG.event, userId, url: LONG.url, referrer: `https://${'r'.repeat(60)}.example/` },
        metadata: { utm_source: 's'.repeat(200) },
      }));
      expect((await call(`${stack.url}/collect/batch`, { key: apiKey, body: { events } })).status).toBe(202);
    }
    await stack.drained();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const signedIn = async (viewport: { width: number; height: number }): Promise<BrowserContext> => {
    const isMobile = viewport === PHONE;
    const context = await browser.newContext({ viewport, isMobile, hasTouch: isMobile, locale: 'en-GB' });
    context.setDefaultTimeout(15_000);
    await useSession(context, stack.url, account);
    return context;
  };

  /** Nothing reaches beyond a phone's screen, neither on the page nor in an open dialog. */
  const fits = async (page: Page, what: string): Promise<void> => {
    const widths = await page.evaluate<number[]>(`[
      document.documentElement.scrollWidth,
      ...[...document.querySelectorAll('dialog[open]')].map((one) => one.getBoundingClientRect().right),
      ...[...document.querySelectorAll('dialog[open]')].map((one) => one.scrollWidth - one.clientWidth),
      ...[...document.querySelectorAll('h1, h2, header.top *, .chips li')].map((one) => one.getBoundingClientRect().right),
    ]`);
    const widest = Math.ceil(Math.max(...widths) - 0.5);
    expect(widest <= PHONE.width ? '' : `${what} is ${widest} px wide`).toBe('');
  };

  test('the longest names, addresses and ids do not widen the page of a phone', async () => {
    const context = await signedIn(PHONE);
    const page = await context.newPage();
    const open = async (path: string, isThere: string): Promise<void> => {
      await page.goto(stack.url + path);
      await page.locator(isThere).first().waitFor();
    };
    const table = 'tbody th';
    await open('/', '.grid tbody th');
    await fits(page, 'overview of all apps');
    for (const app of apps) {
      await open(`/?app=${app}`, '.axis li');
      await fits(page, `overview of ${app}`);
    }
    await open(`/?event=${LONG.event}&url=${E(LONG.url)}&utmSource=${'s'.repeat(200)}`, '.chips li');
    await fits(page, 'filters');
    await open(`/event?event=${LONG.event}`, '[aria-label="Who did it last"] tbody th');
    await fits(page, 'event');
    await open('/live', '.timeline li');
    await fits(page, 'live');
    await open('/users', table);
    await fits(page, 'users');
    for (const user of [LONG.userId, LONG.emailId]) {
      await open(`/users?user=${E(user)}`, '.timeline li');
      await fits(page, `user ${user}`);
    }
    await page.getByRole('button', { name: 'Erase' }).click();
    await fits(page, 'erase a user');
    await open('/keys', table);
    await fits(page, 'keys');
    await page.getByRole('button', { name: 'Rotate' }).first().click();
    await fits(page, 'rotate a key');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Show', exact: true }).first().click();
    await page.locator('.copyable').waitFor();
    await fits(page, 'show a key');
    await open('/settings', '[aria-label="Sessions"] tbody th');
    await page.locator('[aria-label="What was done"] tbody th').first().waitFor();
    await fits(page, 'settings');
    await page.getByRole('button', { name: 'Delete app' }).last().click();
    await page.getByRole('dialog').getByText('3 counted').waitFor();
    await fits(page, 'delete an app');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Delete account' }).click();
    await fits(page, 'delete the account');
    await open('/ingest', '[aria-label="Accounts"] tbody th');
    await fits(page, 'ingest, installation and accounts');
    await page.getByRole('button', { name: 'Lock' }).click();
    await fits(page, 'lock an account');
    await open(`/start?app=${apps[2]}`, 'select');
    await page.getByRole('button', { name: 'Show snippets' }).click();
    await page.getByText('Paste this into your page').waitFor();
    await fits(page, 'set up');
    await open('/?app=00000000-0000-7000-8000-000000000000', 'main h1');
    await fits(page, 'no such app');
    await open(`/${'x'.repeat(300)}`, 'h1');
    await fits(page, 'no such page');
    await context.clearCookies();
    await open('/', '.sign-in');
    await fits(page, 'sign-in');
    await open('/api/auth/google', 'input[name=email]');
    await fits(page, 'the stand-in for Google');
    await context.close();
  });

  /** Boxes of the labels below the chart, from left to right. */
  const labels = (page: Page) =>
    page.evaluate<{ text: string; left: number; right: number }[]>(`(() => {
      const start = document.querySelector('.chart').getBoundingClientRect();
      return [...document.querySelectorAll('.axis li')].map((one) => {
        const { left, right } = one.getBoundingClientRect();
        return { text: one.textContent, left: left - start.left, right: right - start.left };
      });
    })()`);
  const collisions = (found: { text: string; left: number; right: number }[], width: number): string[] =>
    found.flatMap(({ text, left, right }, i) => {
      const before = found[i - 1];
      if (before && left - before.right < 4) return [`${before.text} and ${text}`];
      return left < -0.5 || right > width + 0.5 ? [`${text} leaves the chart`] : [];
    });

  test('the labels of hours, days, weeks and months do not overlap, wide or narrow', async () => {
    const context = await signedIn(DESKTOP);
    const page = await context.newPage();
    const custom = (from: string, to: string, zone = 'Europe/Berlin') =>
      `range=custom&from=${from}&to=${to}&zone=${zone}`;
    const ranges: [name: string, query: string, first: RegExp][] = [
      ['today', 'range=today&zone=Europe/Berlin', /^00:00$/],
      ['the hour that comes twice', custom('2025-10-26', '2025-10-26'), /^00:00$/],
      ['the hour that is left out', custom('2025-03-30', '2025-03-30'), /^00:00$/],
      ['a day that begins at one', custom('2025-09-07', '2025-09-07', 'America/Santiago'), /^01:00$/],
      ['half an hour twice', custom('2025-04-06', '2025-04-06', 'Australia/Lord_Howe'), /^00:00$/],
      ['7 days', 'range=7d', /^\d+ \w+/],
      ['90 days', 'range=90d', /^\d+ \w+/],
      ['days of two years', custom('2025-01-15', '2026-02-10'), /^15 Jan 2025$/],
      ['weeks', custom('2023-01-02', '2026-02-10'), /^2 Jan 2023$/],
      ['months', custom('2010-01-01', '2026-02-10'), /^Jan 2010$/],
    ];
    for (const [name, query, first] of ranges) {
      await page.setViewportSize(DESKTOP);
      await page.goto(`${stack.url}/?${query}`);
      for (const [viewport, fewest] of [
        [DESKTOP, 6],
        [PHONE, 2],
      ] as const) {
        await page.setViewportSize(viewport);
        let found: Awaited<ReturnType<typeof labels>> = [];
        let wrong: string[] = [];
        // Until the chart has taken the new width.
        await until(
          async () => {
            found = await labels(page).catch(() => []);
            const width = await page.evaluate<number>(`document.querySelector('.chart')?.clientWidth ?? 0`);
            wrong = collisions(found, width);
            return found.length >= fewest && wrong.length === 0 && found.at(-1)!.right > width / 2;
          },
          `labels of ${name} at ${viewport.width}`,
          5000,
        ).catch((error: Error) => {
          throw new Error(`${error.message}: ${wrong.join('; ')}: ${found.map(({ text }) => text).join(' | ')}`);
        });
        expect([name, found[0]!.text]).toEqual([name, expect.stringMatching(first)]);
        expect([name, new Set(found.map(({ text }) => text)).size]).toEqual([name, found.length]);
      }
    }
    await context.close();
  });

  test('keys, settings and dead letters of many apps are asked for ten at a time', async () => {
    const owner = await signIn(stack.url, 'many@example.test');
    const { id } = await registerApp(stack.url, owner, { name: 'First' });
    const row = `UNHEX(REPLACE(UUID(), '-', ''))`;
    await stack.query(
      `INSERT INTO apps (id, owner_id, name, time_zone, ip_mode, retention_rollups, created_at, updated_at)
       SELECT ${row}, owner_id, CONCAT('Shop ', seq.n), time_zone, ip_mode, retention_rollups, created_at, updated_at
       FROM apps, (WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 650) SELECT n FROM t) AS seq
       WHERE apps.id = UNHEX(?)`,
      [id.replaceAll('-', '')],
    );
    const context = await browser.newContext({ locale: 'en-GB' });
    await useSession(context, stack.url, owner);
    const page = await context.newPage();
    let asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    const perApp = () => asked.filter((path) => /api-key$|dead-letters$|event-summary$/.test(path)).length;
    for (const path of ['/keys', '/settings', '/ingest']) {
      asked = [];
      await page.goto(stack.url + path);
      await page.getByText('651 apps, 10 shown').waitFor();
      await page.waitForLoadState('networkidle');
      expect([path, perApp()]).toEqual([path, path === '/settings' ? 0 : 10]);
    }
    await page.goto(`${stack.url}/keys`);
    await page.getByRole('button', { name: 'More apps' }).click();
    await page.getByText('651 apps, 20 shown').waitFor();
    await page.getByLabel('Part of an app’s name').fill('shop 650');
    await page.getByRole('heading', { name: 'Shop 650', exact: true }).waitFor();
    expect(await page.locator('section.panel').count()).toBe(1);
    await context.close();
  });
});
