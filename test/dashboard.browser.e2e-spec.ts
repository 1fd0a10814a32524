import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { call, signIn } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

const JAVASCRIPT_MAX_BYTES = 170_000;
const PERCENT = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 1 });
const PAGES = [
  '/',
  '/event?event=first_event',
  '/users',
  '/users?user=user-1',
  '/live',
  '/keys',
  '/ingest',
  '/settings',
  '/start',
];

test('the first load is at most 170 kB of JavaScript, gzipped', () => {
  const folder = join(process.cwd(), 'dist', 'web', 'assets');
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const bytes = scripts.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length);
  expect(scripts.length).toBeGreaterThan(0);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(JAVASCRIPT_MAX_BYTES);
});

describe('the dashboard, in Chromium: a story', () => {
  let stack: Stack;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let site: Server;
  let key = '';
  const complaints: string[] = [];

  beforeAll(async () => {
    stack = await startStack({ env: { TRUSTED_PROXIES: '10.0.0.1' } });
    browser = await launchChromium();
    // Under its own name: requests that outlive their page do not keep another one.
    context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // Asking whether anybody is signed in is answered 401 when nobody is; the server is restarted under an open page.
      if (message.type() === 'error' && !/40[134]|ERR_(INCOMPLETE|CONNECTION|INTERNET)/.test(message.text()))
        complaints.push(message.text());
    });
    site = createServer((_request, answer) => {
      answer.setHeader('content-type', 'text/html');
      answer.end(`<!doctype html><title>Shop</title><script defer src="${stack.url}/t.js" data-key="${key}"></script>`);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    site?.close();
    await stack?.stop();
  });

  test('the client is typed by the OpenAPI document (npm run types:web)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'types-'));
    const [document, types] = [join(folder, 'document.json'), join(folder, 'api-types.ts')];
    writeFileSync(document, JSON.stringify((await call(`${stack.url}/api-docs-json`)).body));
    const run = (...args: string[]) => expect(spawnSync(process.execPath, args).status).toBe(0);
    run(join('node_modules', 'openapi-typescript', 'bin', 'cli.js'), document, '-o', types);
    run(join('node_modules', 'prettier', 'bin', 'prettier.cjs'), '--config', '.prettierrc.json', '--write', types);
    expect(readFileSync(types, 'utf8')).toBe(readFileSync(join('web', 'src', 'api-types.ts'), 'utf8'));
    rmSync(folder, { recursive: true });
  });

  const open = (path: string) => page.goto(stack.url + path);
  /** What was copied, read by another site: our own pages may write the clipboard, and not read it. */
  const clipboard = async (): Promise<string> => {
    const other = await context.newPage();
    await other.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
    await other.goto('http://127.0.0.1:1/');
    const text = await other.evaluate<string>('navigator.clipboard.readText()');
    await other.close();
    return text;
  };
  const big = async (name: string): Promise<number> => {
    const value = page.locator('.figure', { hasText: name }).first().locator('.value');
    return Number(await value.getAttribute('data-value'));
  };

  test('whoever is not signed in is asked to, and comes back to where they were', async () => {
    await open('/keys');
    await page.getByRole('link', { name: 'Sign in with Google' }).click();
    await page.fill('input[name=email]', 'cleo@example.test');
    await page.fill('input[name=name]', 'Cleo');
    await page.click('button[type=submit]');
    // Without an app there is nothing to see: it leads to the first one.
    await page.waitForURL(`${stack.url}/start`);
    await page.getByRole('heading', { name: 'Count your first event' }).waitFor();
    // What needs no app is there all the same.
    for (const [link, heading] of [
      ['Ingest', 'The installation, for operators'],
      ['Settings', 'Your account'],
    ] as const) {
      await page.getByRole('link', { name: link, exact: true }).click();
      await page.getByRole('heading', { name: heading, exact: true }).waitFor();
    }
    await page.getByRole('link', { name: 'Set up', exact: true }).click();
  });

  test('first run: register, take the key, post by the curl that is shown, and see the event come', async () => {
    await page.getByLabel('Name').fill('Cleo’s shop');
    await page.getByRole('button', { name: 'Register app' }).click();
    await page.getByRole('button', { name: 'Copy the key' }).click();
    key = await clipboard();
    expect(key).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    await page.getByRole('heading', { name: 'Waiting for your first event …' }).waitFor();
    await page.getByRole('button', { name: 'Copy the curl command' }).click();
    const curl = await clipboard();
    const posted = spawnSync('sh', ['-c', `${curl} -s -o /dev/null -w '%{http_code}'`], { encoding: 'utf8' });
    expect(posted.stdout).toBe('202');
    await page.getByRole('heading', { name: 'Your first event is here' }).waitFor();
    await page.getByRole('button', { name: 'Copy the script tag' }).click();
    expect(await clipboard()).toContain(`data-key="${key}"`);
  });

  test('live: what happens is there within seconds', async () => {
    await open('/live');
    await page.getByText('Connected', { exact: true }).waitFor();
    await call(`${stack.url}/collect`, {
      key,
      body: { event: 'signup', userId: 'user-1', url: 'https://shop.example/a' },
    });
    await page.locator('.timeline li', { hasText: 'signup' }).waitFor();
  });

  test('live: when its token is gone, the page gets another and connects again', async () => {
    await context.clearCookies({ name: /session/ });
    const { port } = new URL(stack.url);
    await stack.apis[0]!.process.stop('SIGKILL');
    stack.apis.splice(0);
    await page.getByText(/^Connecting again/).waitFor();
    await stack.startApi({ PORT: port });
    await page.getByText('Connected', { exact: true }).waitFor({ timeout: 60_000 });
    await call(`${stack.url}/collect`, { key, body: { event: 'after that' } });
    await page.locator('.timeline li', { hasText: 'after that' }).waitFor();
  });

  test('a page with the script is browsed, goes offline, the server restarts: each view counts once', async () => {
    const shop = await context.newPage();
    const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    await shop.goto(`${origin}/one`);
    await shop.goto(`${origin}/two`);
    await context.setOffline(true);
    await shop.evaluate(`history.pushState({}, '', '/three')`);
    const { port } = new URL(stack.url);
    await stack.apis[0]!.process.stop('SIGKILL');
    stack.apis.splice(0);
    await context.setOffline(false);
    await stack.startApi({ PORT: port });
    await shop.goto(`${origin}/four`);
    const views = "SELECT url FROM events WHERE event = 'page_view' ORDER BY id";
    await until(async () => (await stack.query(views)).length >= 4, 'all views');
    await stack.drained();
    const urls = (await stack.query<{ url: string }>(views)).map(({ url }) => new URL(url).pathname);
    expect(urls).toEqual(['/one', '/two', '/three', '/four']);
    await shop.close();
  });

  test('overview, event and user pages show what the API and the database say', async () => {
    await stack.drained();
    const [stored] = await stack.query<{ n: string; users: string }>(
      'SELECT COUNT(*) AS n, COUNT(DISTINCT user_key) AS users FROM events',
    );
    await open('/?range=today&zone=UTC');
    await until(async () => (await big('Events')) === Number(stored!.n), 'the number of events');
    expect(await big('Users')).toBe(Number(stored!.users));
    const answer = (await page.evaluate(
      `fetch('/api/analytics/event-summary?timezone=UTC').then((answer) => answer.json())`,
    )) as { count: number; uniqueUsers: number };
    expect([answer.count, answer.uniqueUsers]).toEqual([Number(stored!.n), Number(stored!.users)]);
    const panel = (title: string) =>
      page.locator('section.panel', { has: page.getByRole('heading', { name: title, exact: true }) });
    for (const [title, column] of [
      ['Events', 'event'],
      ['Pages', 'url'],
      ['Devices', 'device'],
      ['Browsers', 'browser'],
    ] as const) {
      const rows = await stack.query<{ value: Buffer | string | null; n: string; users: string }>(
        `SELECT ${column} AS value, COUNT(*) AS n, COUNT(DISTINCT user_key) AS users FROM events
        GROUP BY ${column} ORDER BY n DESC, value LIMIT 8`,
      );
      const inDatabase = rows.map(({ value, n, users }) =>
        [value?.toString() ?? 'none', n, users, PERCENT.format(Number(n) / Number(stored!.n))].join(' '),
      );
      const onPage = async () => {
        const shown = await panel(title).locator('tbody tr').all();
        return Promise.all(
          shown.map(async (one) => (await one.locator('th, td').allInnerTexts()).join(' ').replace(/\s*→/, '')),
        );
      };
      await until(async () => (await onPage()).join() === inDatabase.join(), `${title}: ${inDatabase.join()}`);
    }
    const events = panel('Events');
    const row = events.locator('tbody tr', { hasText: 'page_view' });
    await row.waitFor();
    expect((await row.locator('td').allTextContents()).slice(0, 2)).toEqual(['4', '1']);
    // A click filters, the URL keeps it, and a link shows the same.
    await row.getByRole('button', { name: 'page_view' }).click();
    await page.waitForURL(/event=page_view/);
    await until(async () => (await big('Events')) === 4, 'the filtered number');
    await page.reload();
    await until(async () => (await big('Events')) === 4, 'the same after a reload');
    await open('/?app=00000000-0000-7000-8000-000000000000');
    await page.getByRole('heading', { name: 'You have no such app' }).waitFor();
    await open('/event?event=signup&range=today&zone=UTC');
    await until(async () => (await big('Events')) === 1, 'the number of one event');
    await page.locator('tbody tr', { hasText: 'user-1' }).getByRole('link', { name: 'user-1' }).click();
    await page.getByRole('heading', { name: 'user-1' }).waitFor();
    await page.locator('.timeline li', { hasText: 'signup' }).waitFor();
  });

  /** What axe finds serious on the page as it is now. */
  const faults = async (): Promise<string[]> => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  };

  test.each(['light', 'dark'] as const)(
    'no page has a serious fault of accessibility (%s), nor one that the CSP stops',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const path of PAGES) {
        await open(path);
        await page.locator('h1').first().waitFor({ state: 'attached' });
        await page.waitForLoadState('networkidle').catch(() => undefined);
        expect([path, await faults()]).toEqual([path, []]);
      }
      // What is not there at first: a table instead of the chart, forms, a dialog.
      await open('/');
      await page.getByRole('button', { name: 'Show as a table' }).click();
      expect(await faults()).toEqual([]);
      await open('/keys');
      await page.getByText('Create a key').click();
      expect(await faults()).toEqual([]);
      await page.getByRole('button', { name: 'Rotate' }).click();
      expect(await faults()).toEqual([]);
      expect(complaints).toEqual([]);
    },
    240_000,
  );

  test('settings are kept, "did my event arrive?" is answered', async () => {
    await open('/settings');
    await page.getByLabel('Days to keep events').fill('9'.repeat(30));
    await page.getByLabel('Days to keep events').fill('400');
    // It deletes, so it is asked for twice.
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.getByText(/events older than 400 days are deleted \(0 now\)/).waitFor();
    await page.getByRole('button', { name: 'Save and delete' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    const [app] = await stack.query<{ days: number }>('SELECT retention_days AS days FROM apps');
    expect(app!.days).toBe(400);
    const { body } = await call(`${stack.url}/collect`, { key, body: { event: 'asked for' } });
    await stack.drained();
    await open('/ingest');
    await page.getByLabel('The id in the answer to your post').fill(body.id as string);
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByText(/^Yes: stored/).waitFor();
  });

  test('a search is kept in the address, and the menu leads out of it', async () => {
    await open('/users');
    await page.getByRole('link', { name: 'user-1' }).waitFor();
    await page.getByRole('link', { name: 'Users', exact: true }).click();
    await page.getByLabel('Part of a user id').fill('nobody');
    await page.waitForURL(/search=nobody/);
    await page.getByText('No user id holds this text.').waitFor();
    await page.getByRole('link', { name: 'Users', exact: true }).click();
    await page.getByRole('link', { name: 'user-1' }).waitFor();
    expect(await page.getByLabel('Part of a user id').inputValue()).toBe('');
  });

  test('a person is erased after their id was typed, and how far it is stays in sight', async () => {
    await open('/users?user=user-1');
    await page.getByRole('button', { name: 'Erase', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('at least 1 event').waitFor();
    await dialog.getByRole('textbox').fill('user-1');
    await dialog.getByRole('button', { name: 'Erase this user' }).click();
    await page.waitForURL(`${stack.url}/users`);
    await page.getByText(/^user-1: 1 erased, of events and dead letters\./).waitFor({ timeout: 60_000 });
    expect(await stack.query("SELECT id FROM events WHERE user_id = 'user-1'")).toEqual([]);
    await until(async () => (await page.getByRole('link', { name: 'user-1' }).count()) === 0, 'the list without them');
  });

  test('operators see the installation: backlog, rates, a proxy that is not named', async () => {
    await open('/ingest');
    const panel = page.locator('section.panel', { has: page.getByRole('heading', { name: 'The installation' }) });
    const hour = panel.locator('tbody tr', { hasText: 'Last hour' });
    await hour.waitFor();
    const [sums] = await stack.query<{ inserted: string }>('SELECT SUM(inserted) AS inserted FROM ingest_batches');
    expect(await hour.locator('td').nth(1).textContent()).toBe(sums!.inserted);
    expect(await panel.getByText('Waiting to be counted').count()).toBe(1);
    const warning = panel.getByText('a forwarded header from an address that TRUSTED_PROXIES does not name');
    expect(await warning.count()).toBe(0);
    await call(`${stack.url}/health`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    await warning.waitFor();
  });

  test('heads sort what is shown; a key that expires soon says so', async () => {
    const expiresAt = new Date(Date.now() + 5 * 86_400_000).toISOString();
    const made = await page.evaluate<number>(`fetch('/api/apps')
      .then((answer) => answer.json())
      .then(({ data: [app] }) => fetch('/api/auth/api-key', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ appId: app.id, name: 'Another', expiresAt: '${expiresAt}' }),
      }))
      .then((answer) => answer.status)`);
    expect(made).toBe(201);
    await open('/keys');
    await page.getByText('Soon, in 5 days: rotate it').waitFor();
    const names = () => page.locator('tbody th[scope=row]').allTextContents();
    const came = await names();
    const name = page.getByRole('columnheader', { name: 'Name' });
    await name.getByRole('button').click();
    expect(await names()).toEqual([...came].sort((a, b) => a.localeCompare(b)));
    expect(await name.getAttribute('aria-sort')).toBe('ascending');
    await name.getByRole('button').click();
    expect(await names()).toEqual([...came].sort((a, b) => b.localeCompare(a)));
    await name.getByRole('button').click();
    expect(await names()).toEqual(came);
    const another = page.locator('tbody tr:not(.over)', { hasText: 'Another' });
    await another.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('dialog').getByLabel('The old key is refused').selectOption({ label: 'at once' });
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new key' }).click();
    await page.getByText(/^The new key\. The old one, which ends in .{4}, is refused at once\.$/).waitFor();
    await page.locator('tr.over', { hasText: 'Another' }).waitFor();
    // Away again: what follows looks for the one key of the story.
    await another.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke key' }).click();
    await until(async () => (await page.locator('tr.over', { hasText: 'Another' }).count()) === 2, 'both to be over');
  });

  /** As after a long morning at the same page. */
  const growOld = () => stack.query('UPDATE sessions SET authenticated_at = authenticated_at - INTERVAL 11 MINUTE');
  const signInAgain = async (path: string) => {
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.waitForURL((url) => url.pathname === path);
  };

  test('what needs a recent sign-in leads there and back to the open dialog, with what was typed', async () => {
    await growOld();
    await open('/settings?range=7d');
    const name = page.getByRole('textbox', { name: 'Name', exact: true });
    await name.fill('Not saved yet');
    await page.getByRole('button', { name: 'Delete app' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('Cleo’s shop');
    await dialog.getByRole('button', { name: 'Delete this app' }).click();
    await dialog.getByText('needs a sign-in within the last 10 minutes').waitFor();
    expect(await faults()).toEqual([]);
    await signInAgain('/settings');
    await dialog.waitFor();
    expect(new URL(page.url()).search).toBe('?range=7d');
    expect(await dialog.getByRole('heading').textContent()).toBe('Delete Cleo’s shop');
    expect(await dialog.getByRole('textbox').inputValue()).toBe('Cleo’s shop');
    expect(await dialog.getByRole('button', { name: 'Delete this app' }).isEnabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await name.inputValue()).toBe('Not saved yet');
    // It is shown once.
    await page.reload();
    await page.getByRole('button', { name: 'Delete app' }).waitFor();
    expect([await dialog.count(), await name.inputValue()]).toEqual([0, 'Cleo’s shop']);
  });

  test('a form that needs a recent sign-in is filled in as before', async () => {
    await growOld();
    await open('/keys');
    await page.getByText('Create a key').click();
    await page.getByLabel('Name').fill('Reader');
    await page.getByLabel('It may').selectOption({ label: 'read numbers' });
    await page.getByLabel('Only from these origins').fill('https://shop.example.com');
    await page.getByRole('button', { name: 'Create key' }).click();
    await signInAgain('/keys');
    const create = page.getByRole('button', { name: 'Create key' });
    await create.waitFor();
    expect([
      await page.getByLabel('Name').inputValue(),
      await page.getByLabel('It may').inputValue(),
      await page.getByLabel('Only from these origins').inputValue(),
    ]).toEqual(['Reader', 'read', 'https://shop.example.com']);
    await create.click();
    await page.getByText('Shown once: copy it now.').waitFor();
    // So is the dialog that replaces it.
    await growOld();
    const row = page.locator('tbody tr:not(.over)', { hasText: 'Reader' });
    await row.getByRole('button', { name: 'Rotate' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('The old key is refused').selectOption({ label: 'in a week' });
    await dialog.getByRole('button', { name: 'Make a new key' }).click();
    await signInAgain('/keys');
    await dialog.waitFor();
    expect(await dialog.getByLabel('The old key is refused').inputValue()).toBe(String(7 * 86_400));
    await dialog.getByRole('button', { name: 'Make a new key' }).click();
    await page.getByText('is refused in a week. It is shown once').waitFor();
    await stack.query("UPDATE api_keys SET revoked_at = UTC_TIMESTAMP(3) WHERE name = 'Reader'");
  });

  test('people see where they are signed in, and end it', async () => {
    const elsewhere = await signIn(stack.url, 'cleo@example.test');
    await open('/settings');
    const panel = page.locator('section.panel', {
      has: page.getByRole('heading', { name: 'Where you are signed in' }),
    });
    await panel.locator('tbody tr', { hasText: 'This one' }).getByText('Chrome on Linux').waitFor();
    await panel.locator('tbody tr:not(:has-text("This one"))').first().getByRole('button', { name: 'End' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End session' }).click();
    await until(async () => {
      const { status } = await call(`${stack.url}/api/auth/me`, { token: elsewhere.accessToken });
      return status === 401;
    }, 'the other session to end');
    await panel.locator('tbody tr', { hasText: 'This one' }).waitFor();
  });

  test('operators find an account, lock and unlock it', async () => {
    const mallory = await signIn(stack.url, 'mallory@example.test');
    await open('/ingest');
    const panel = page.locator('section.panel', {
      has: page.getByRole('heading', { name: 'Accounts, for operators' }),
    });
    await panel.getByLabel('Part of an e-mail or name').fill('mallory');
    await panel.getByRole('button', { name: 'Find' }).click();
    const row = panel.locator('tbody tr', { hasText: 'mallory@example.test' });
    await until(async () => (await panel.locator('tbody tr').count()) === 1, 'the one account');
    await row.getByRole('button', { name: 'Lock' }).click();
    expect(await faults()).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Lock account' }).click();
    await row.getByText(/^Locked/).waitFor();
    const { body } = await call(`${stack.url}/api/auth/me`, { token: mallory.accessToken });
    expect(body.code).toBe('account_locked');
    await row.getByRole('button', { name: 'Unlock' }).click();
    await row.getByText('Good', { exact: true }).waitFor();
    await panel.getByLabel('Part of an e-mail or name').fill('cleo');
    await panel.getByRole('button', { name: 'Find' }).click();
    const own = panel.locator('tbody tr', { hasText: 'cleo@example.test' });
    await own.waitFor();
    expect(await own.getByRole('button', { name: 'Lock' }).count()).toBe(0);
    await stack.query("DELETE FROM users WHERE email = 'mallory@example.test'");
  });

  test('a revoked key is refused, signed out is signed out', async () => {
    await open('/keys');
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('button', { name: 'Revoke key' }).click();
    await until(
      async () => (await call(`${stack.url}/collect`, { key, body: { event: 'late' } })).status === 401,
      'a 401',
    );
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
    await open('/settings');
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
    expect(await faults()).toEqual([]);
  });

  test('an account is deleted after its address was typed', async () => {
    await page.getByRole('link', { name: 'Sign in with Google' }).click();
    await page.fill('input[name=email]', 'cleo@example.test');
    await page.click('button[type=submit]');
    await page.getByRole('button', { name: 'Delete account' }).click();
    const dialog = page.getByRole('dialog');
    const go = dialog.getByRole('button', { name: 'Delete my account' });
    expect(await go.isDisabled()).toBe(true);
    await dialog.getByRole('textbox').fill('cleo@example.test');
    await go.click();
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
    expect(await stack.query("SELECT id FROM users WHERE email <> ''")).toEqual([]);
  });
});
