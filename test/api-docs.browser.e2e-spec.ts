import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from './support/chromium.js';
import { call } from './support/client.js';
import { type Stack, startStack } from './support/stack.js';
import { until } from './support/until.js';

describe('Swagger UI, in Chromium', () => {
  let stack: Stack;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    stack = await startStack();
    browser = await launchChromium();
    // A name that is not a robot's.
    const userAgent =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    context = await browser.newContext({ userAgent });
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // Asking whether anybody is signed in is answered 401 when nobody is.
      if (message.type() === 'error' && !/40[13]/.test(message.text())) complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  /** Opens an operation, runs it with what is filled in, and reads the answer. */
  async function execute(operation: string): Promise<{ status: string; body: Record<string, unknown> }> {
    const block = page.locator(`[id$="-${operation}"]`).first();
    if ((await block.locator('.opblock-body').count()) === 0) await block.locator('.opblock-summary-control').click();
    const answered = page.waitForResponse(
      (response) => response.url().includes('/api/') && response.request().method() !== 'OPTIONS',
    );
    await block.locator('button.execute').click();
    const response = await answered;
    await block.locator('.live-responses-table .response-col_status').first().waitFor();
    return { status: String(response.status()), body: (await response.json()) as Record<string, unknown> };
  }

  test('a person gets from sign-in to a count without typing a token or an id', async () => {
    await page.goto(`${stack.url}/api-docs`);
    await page.waitForSelector('.opblock');
    await page.click('#sign-in');
    await page.fill('input[name=email]', 'cleo@example.test');
    await page.fill('input[name=name]', 'Cleo');
    await page.click('button[type=submit]');
    await page.waitForURL(`${stack.url}/api-docs`);
    await page.waitForSelector('.opblock');
    await until(
      async () => (await page.textContent('#who'))!.includes('cleo@example.test'),
      'the page to know the person',
    );

    expect((await execute('registerApp')).status).toBe('201');
    // Each run counts: no id and no time is filled in.
    expect((await execute('collectEvent')).status).toBe('202');
    const second = await execute('collectEvent');
    await stack.drained();
    const summary = await execute('getEventSummary');
    expect(summary).toMatchObject({ status: '200', body: { count: 2, uniqueUsers: 1, deviceData: { desktop: 2 } } });
    const receipt = await execute('getReceipt');
    expect(receipt.body).toMatchObject({ status: 'stored', id: second.body.id });
    expect(await page.locator('.steps li.done').count()).toBe(5);
    expect(await page.textContent('#step-summary')).toContain('2 counted, 1 unique user');
  });

  test('a call that needs a recent sign-in says so, and runs after another one', async () => {
    await stack.query('UPDATE sessions SET authenticated_at = authenticated_at - INTERVAL 11 MINUTE');
    const refused = await execute('createKey');
    expect(refused).toMatchObject({ status: '403', body: { code: 'recent_sign_in_required' } });
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await page.waitForURL(`${stack.url}/api-docs`);
    await page.waitForSelector('.opblock');
    expect((await execute('createKey')).status).toBe('201');
  });

  test('each step of the list opens its operation when it is clicked, again and again', async () => {
    for (const round of [1, 2]) {
      for (const [step, operation] of [
        ['app', 'registerApp'],
        ['collect', 'collectEvent'],
        ['summary', 'getEventSummary'],
        ['receipt', 'getReceipt'],
      ] as const) {
        const block = page.locator(`[id$="-${operation}"]`);
        // Closed, or scrolled out of sight, by the reader.
        if (round === 1 && (await block.locator('.opblock-body').count()) > 0) {
          await block.locator('.opblock-summary-control').click();
        }
        await page.evaluate('window.scrollTo(0, 0)');
        await page.click(`#step-${step} a`);
        await block.locator('.opblock-body').waitFor();
        await until(async () => {
          const box = await block.boundingBox();
          return box !== null && box.y > -50 && box.y < 800;
        }, `${operation} to be in sight`);
      }
    }
  });

  test('breakdown runs as it is prefilled', async () => {
    expect(await execute('getBreakdown')).toMatchObject({ status: '200', body: { data: [{ value: 'signup_click' }] } });
  });

  test('the text of every button fits into it', async () => {
    const wide = await page.evaluate(`[...document.querySelectorAll('button, .button')]
      .filter((button) => button.offsetParent !== null && button.scrollWidth > button.clientWidth + 1)
      .map((button) => button.textContent)`);
    expect(wide).toEqual([]);
    const long = await page.evaluate(`[...document.querySelectorAll('.opblock-summary-description')]
      .filter((text) => text.scrollWidth > text.clientWidth + 1)
      .map((text) => text.textContent)`);
    expect(long).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('axe finds no fault of contrast in the %s theme', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).withRules(['color-contrast']).analyze();
    const found = violations.flatMap(({ nodes }) =>
      nodes.map(({ html, failureSummary }) => ({ html, failureSummary })),
    );
    expect(found.slice(0, 5)).toEqual([]);
  });

  test('there is a way back to the dashboard', async () => {
    const href = await page.getByRole('link', { name: 'Dashboard' }).getAttribute('href');
    expect(href).toBe('/');
  });

  test('nothing on the page breaks the Content-Security-Policy or throws', () => {
    expect(complaints).toEqual([]);
  });

  test('it fits on a phone, in the dark: nothing runs out of the page', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.getAttribute('html', 'class')).toContain('dark-mode');
    const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test('signing out ends the session', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.click('#sign-out');
    await page.waitForSelector('#sign-in:not([hidden])');
    expect(await page.textContent('#who')).toBe('Not signed in');
  });
});

describe('the OpenAPI document', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ workers: 0 });
  });
  afterAll(() => stack?.stop());

  test('lists every route under /api once, no short path, both tokens, and typed errors', async () => {
    const { body } = await call(`${stack.url}/api-docs-json`);
    const paths = Object.keys(body.paths);
    expect(paths).toEqual(expect.arrayContaining(['/api/analytics/collect', '/api/auth/register', '/api/apps/{id}']));
    expect(paths.filter((path) => /^\/(collect|auth|analytics)/.test(path))).toEqual([]);
    expect(Object.keys(body.components.securitySchemes).sort()).toEqual(['analyticsToken', 'userToken']);
    const operations = paths.flatMap((path) => Object.values(body.paths[path]) as { operationId: string }[]);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    const collect = body.paths['/api/analytics/collect'].post;
    expect(collect.security).toEqual([{ analyticsToken: [] }]);
    expect(collect.responses['400'].$ref).toBe('#/components/responses/BadRequest');
    expect(body.components.responses.BadRequest.content['application/problem+json'].schema.$ref).toBe(
      '#/components/schemas/Problem',
    );
    expect(body.components.schemas.EventDto.required).toEqual(['event']);
  });
});
