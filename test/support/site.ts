import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import { registerApp, type Signed, signIn } from './client.js';
import { type Stack, startStack } from './stack.js';
import { until } from './until.js';

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** The line for calls before the script has loaded, as docs/tracker.md gives it. */
export const STUB = documentedStub();

function documentedStub(): string {
  const stub = /^<script>window\.tallystone.*<\/script>$/m.exec(readFileSync('docs/tracker.md', 'utf8'))?.[0];
  if (!stub) throw new Error('docs/tracker.md gives no line for calls before the script has loaded');
  return stub;
}

/** A stored event, with its columns as text. */
export interface Counted {
  event: string;
  url: string | null;
  referrer: string | null;
  user: string | null;
  device: string;
  metadata: string | null;
  event_id: string;
  at: string;
}

/** A web site on another origin than Tallystone, and Chromium to visit it with. */
export class TestSite {
  /** HTML by path; every other path answers a page that holds the tag alone. */
  readonly pages: Record<string, string> = {};
  /** Attributes of the tag beside its key. */
  options = '';
  /** The key in the tag. */
  key = '';
  keyId!: string;
  account!: Signed;
  appId!: string;
  /** Exceptions that reached a page, and the script's warnings in the console. */
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  /** Hears of each request for a page of the site. */
  onRequest?: (url: string) => void;
  private readonly contexts: BrowserContext[] = [];

  private constructor(
    readonly stack: Stack,
    private readonly browser: Browser,
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async open(stack: Stack): Promise<TestSite> {
    const browser = await launchChromium();
    const server = createServer((request, answer) => {
      site.onRequest?.(request.url!);
      answer.setHeader('content-type', 'text/html; charset=utf-8');
      answer.end(`<!doctype html><title>${request.url}</title>${site.pages[request.url!] ?? site.tag}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const site = new TestSite(stack, browser, server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return site;
  }

  get scriptUrl(): string {
    return `${this.stack.url}/t.js`;
  }

  get tag(): string {
    return `<script defer src="${this.scriptUrl}" data-key="${this.key}" ${this.options}></script>`;
  }

  /** Begins a test: a new app, no events. */
  async reset(): Promise<void> {
    this.account = await signIn(this.stack.url);
    const { apiKey, keyId, id } = await registerApp(this.stack.url, this.account);
    Object.assign(this, { key: apiKey, keyId, appId: id, options: '' });
    // What an earlier page has sent twice would be stored again after its row is gone.
    await this.stack.drained();
    await this.stack.query('DELETE FROM events');
  }

  /** Ends a test: closes its browser contexts. @throws Error when an exception has reached a page */
  async leave(): Promise<void> {
    const errors = this.errors.join('\n');
    for (const context of this.contexts.splice(0)) await context.close();
    for (const path of Object.keys(this.pages)) delete this.pages[path];
    this.onRequest = undefined;
    this.errors.length = this.warnings.length = 0;
    if (errors) throw new Error(`An exception reached a page: ${errors}`);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }

  /** Opens a page in a browser context of its own. @param before runs in it ahead of every script */
  async visit(path = '/', before?: string, settings: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({ userAgent: USER_AGENT, ...settings });
    this.contexts.push(context);
    if (before) await context.addInitScript(before);
    context.on('weberror', (error) => this.errors.push(String(error.error())));
    context.on('console', (message) => {
      if (message.text().startsWith('tallystone:')) this.warnings.push(message.text());
    });
    const page = await context.newPage();
    await page.goto(this.origin + path);
    return page;
  }

  async counted(): Promise<Counted[]> {
    const rows = await this.stack.query<Record<string, Buffer | Date | string | null>>(
      `SELECT event, url, referrer, user_id AS user, device, metadata, event_id,
              DATE_FORMAT(occurred_at, '%Y-%m-%dT%H:%i:%s') AS at
       FROM events ORDER BY id`,
    );
    return rows.map(
      (row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value?.toString() ?? null])) as never,
    );
  }

  async names(): Promise<string[]> {
    return (await this.counted()).map(({ event }) => event);
  }

  /** Waits until exactly these events are stored, in any order. */
  async eventually(expected: string[]): Promise<Counted[]> {
    let events: Counted[] = [];
    const wanted = JSON.stringify([...expected].sort());
    await until(async () => {
      events = await this.counted();
      return JSON.stringify(events.map(({ event }) => event).sort()) === wanted;
    }, expected.join()).catch((error: unknown) => {
      throw new Error(`${String(error)}; stored: ${JSON.stringify(events)}`);
    });
    return events;
  }
}

/** Calls `tallystone.track` in a page. */
export function track(page: Page, name: string, metadata?: object): Promise<void> {
  return page.evaluate(
    ([said, about]) =>
      (globalThis as unknown as { tallystone: { track: (...args: unknown[]) => void } }).tallystone.track(said, about),
    [name, metadata] as const,
  );
}

/** How many events wait in the page's localStorage. */
export function waiting(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      Object.keys((globalThis as unknown as { localStorage: object }).localStorage).filter((name) =>
        /^tallystone\..{8}\./.test(name),
      ).length,
  );
}

/**
 * Opens a site for the tests around it, on a stack of its own: each test begins with a new app and no events.
 * @param use gets the site before the first test
 */
export function useTestSite(use: (site: TestSite) => void): void {
  let stack: Stack;
  let site: TestSite;
  beforeAll(async () => {
    stack = await startStack();
    site = await TestSite.open(stack);
    use(site);
  }, 300_000);
  afterAll(async () => {
    await site?.close();
    await stack?.stop();
  });
  beforeEach(() => site.reset());
  afterEach(() => site.leave());
}
