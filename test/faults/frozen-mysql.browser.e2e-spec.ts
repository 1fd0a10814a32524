import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, useSession } from '../support/chromium.js';
import { call, registerApp, type Signed, signIn } from '../support/client.js';
import { type Stack, startStack } from '../support/stack.js';
import { until } from '../support/until.js';
import { FaultServices } from './services.js';

/** Pages that load data, each with what shows that they have. */
const PAGES: Record<string, string> = {
  '/': '.grid tbody th',
  '/live': '.timeline li',
  '/keys': 'tbody th',
  '/users': 'tbody th',
  '/users?user=ann': '.timeline li',
  '/ingest': '[aria-label="Accounts"] tbody th',
  '/settings': '[aria-label="Sessions"] tbody th',
};
/** How many of them are opened while MySQL stands still. */
const OPENED_MEANWHILE = 3;
const SAID_WITHIN_MS = 5000;
const NOTICE = '.notice';
/** How long requests are refused: longer than a busy machine takes to load a page. */
const REST_OF_MINUTE_MS = 12_000;

describe('pages while MySQL stands still', () => {
  let services: FaultServices;
  let stack: Stack;
  let browser: Browser;
  let account: Signed;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    services = await FaultServices.start();
    stack = await startStack({ services: services.urls });
    browser = await launchChromium();
    account = await signIn(stack.url);
    const { apiKey } = await registerApp(stack.url, account);
    await call(`${stack.url}/collect`, {
      key: apiKey,
      body: { event: 'signup', userId: 'ann', url: 'https://a.example/' },
    });
    await stack.drained();
  });
  afterAll(async () => {
    services?.signal('mysql', 'SIGCONT');
    await browser?.close();
    await stack?.stop();
    await services?.stop();
  });
  afterEach(async () => {
    services.signal('mysql', 'SIGCONT');
    for (const context of contexts.splice(0)) await context.close();
  });

  /** A page with connections of its own, marked so that a reload would be noticed. */
  const open = async (path: string, url = stack.url): Promise<Page> => {
    const context = await browser.newContext({ locale: 'en-GB' });
    contexts.push(context);
    await useSession(context, url, account);
    const page = await context.newPage();
    await page.goto(url + path);
    await page.evaluate('window.isSamePage = true');
    return page;
  };
  /** Waits for the notice. @returns what it says */
  const said = async (page: Page, withinMs = SAID_WITHIN_MS): Promise<string> => {
    await page.locator(NOTICE).waitFor({ timeout: withinMs });
    return page.locator(NOTICE).innerText();
  };
  const recovers = async (page: Page, shows: string): Promise<void> => {
    await page.locator(shows).first().waitFor({ timeout: 20_000 });
    await page.locator(NOTICE).waitFor({ state: 'detached', timeout: 20_000 });
    expect(await page.evaluate('window.isSamePage')).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
  };
  const each = <T>(pages: Page[], look: (page: Page, shows: string) => Promise<T>) =>
    Promise.all(pages.map((page, i) => look(page, Object.values(PAGES)[i]!)));

  test('each says so within 5 s, open or opened meanwhile, and goes on by itself when MySQL does', async () => {
    const paths = Object.keys(PAGES);
    const before = await Promise.all(paths.map((path) => open(path)));
    await each(before, (page, shows) => page.locator(shows).first().waitFor());
    expect(await each(before, (page) => page.locator(NOTICE).count())).toEqual(before.map(() => 0));
    services.signal('mysql', 'SIGSTOP');
    for (const text of await each(before, (page) => said(page)))
      expect(text).toMatch(/database does not answer|has not answered yet/);
    const cut: string[] = [];
    const meanwhile = await Promise.all(
      paths.slice(0, OPENED_MEANWHILE).map(async (path) => {
        const page = await open(path);
        page.on('requestfailed', (request) => cut.push(request.url()));
        await said(page);
        return page;
      }),
    );
    // Numbers that were there stay.
    await each(before, async (page, shows) => expect(await page.locator(shows).count()).toBeGreaterThan(0));
    services.signal('mysql', 'SIGCONT');
    await each(before, recovers);
    await each(meanwhile, recovers);
    // No question was cut off: each was waited for until it was answered.
    expect(cut).toEqual([]);
  });

  test('a change that hangs says so in its dialog, and is made', async () => {
    const page = await open('/settings');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    services.signal('mysql', 'SIGSTOP');
    await page.getByRole('button', { name: 'End all sessions' }).click();
    await page.getByRole('dialog').getByText('has not answered yet').waitFor({ timeout: SAID_WITHIN_MS });
    services.signal('mysql', 'SIGCONT');
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
    account = await signIn(stack.url);
  });

  test('a 429 is asked again after Retry-After, and the page says when', async () => {
    const { url } = await stack.startApi({ RATE_LIMITS: 'reads=40' });
    const bob = await signIn(url, 'bob@example.test');
    await registerApp(url, bob);
    await stack.redis.unlink(await stack.redis.keys(`${stack.env.redisKeyPrefix}rate:reads*`));
    expect((await call(`${url}/api/auth/me`, { token: bob.accessToken })).status).toBe(200);
    const [key] = await stack.redis.keys(`${stack.env.redisKeyPrefix}rate:reads*`);
    const answers: { path: string; status: number; at: number; retryAfterMs: number }[] = [];
    const context = await browser.newContext({ locale: 'en-GB' });
    contexts.push(context);
    await useSession(context, url, bob);
    const page = await context.newPage();
    page.on('response', (response) => {
      const retryAfterMs = 1000 * Number(response.headers()['retry-after'] ?? 0);
      answers.push({ path: new URL(response.url()).pathname, status: response.status(), at: Date.now(), retryAfterMs });
    });
    const requests: { path: string; at: number }[] = [];
    page.on('request', (request) => requests.push({ path: new URL(request.url()).pathname, at: Date.now() }));
    await page.goto(`${url}/unknown`);
    // The minute of the limit is nearly over.
    await stack.redis.set(key!, 40, 'PX', REST_OF_MINUTE_MS);
    await page.goto(`${url}/keys`);
    expect(await said(page, REST_OF_MINUTE_MS)).toMatch(/^Too many requests .* asks again at \d\d:\d\d:\d\d\.$/);
    await page.locator(PAGES['/keys']!).first().waitFor();
    await until(async () => (await page.locator(NOTICE).count()) === 0, 'the notice to go');
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { path, at, retryAfterMs } of refused) {
      expect(retryAfterMs).toBeGreaterThan(1000);
      const again = requests.find((one) => one.path === path && one.at > at);
      expect(again!.at - at).toBeGreaterThanOrEqual(retryAfterMs - 50);
    }
  });
});
