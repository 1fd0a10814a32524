import type { Tallystone } from './t.js';

// What t.ts loads from `/t.js?extra` when it is needed: when the server refuses something, when the tag asks for outbound
// links, and in browsers without the Navigation API. Both files come from one build, but a browser may keep either for an
// hour: change what they share with care.

/** What t.ts shares. */
export interface Core {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  forget(name: string): void;
  warn(...words: unknown[]): void;
  /** A request holds at most this many characters of events. */
  room: number;
  /** How far the device's clock is behind the server's, in ms; 0 until the server has refused a time. */
  skew: number;
}

/** Why the server refused an event. */
export interface Rejected {
  index: number;
  errors: { field: string; message: string }[];
  /** The server's clock (RFC 3339), where the event's time was the reason. */
  serverTime?: string;
}

/** The problem+json of a request that was refused as a whole. */
interface Problem {
  detail?: string;
  errors?: Rejected['errors'];
  serverTime?: string;
}

/** Characters; at three bytes each they fit into the 64 KiB that a browser sends for a page that is closing. */
const ROOM = 2e4;
/** A smaller difference than this is left alone: answers take time. */
const SKEW_MIN_MS = 60_000;
/**
 * Corrected times are rounded down to this. Two tabs that correct the same event at once then give it the same time, and
 * it counts once: the server tells events apart by id and time.
 */
const STEP_MS = 10_000;
/** The server takes no time before this. */
const EARLIEST_MS = Date.UTC(1980);

/**
 * Handles an answer that is not a plain success.
 * @param rejected the events that a 202 refuses; the caller forgets all events of a 202
 * @param names the keys of the events that were sent, and `events` their JSON
 * @returns ms to wait before the next request; never, where the key is refused: the events then wait for the next page
 */
export async function settle(
  core: Core,
  response: Response,
  rejected: Rejected[] | undefined | false,
  names: string[],
  events: string[],
): Promise<number> {
  const { status, headers } = response;
  if (status === 408 || status === 429 || status > 499) return Number(headers.get('retry-after')) * 1000 || 1;
  if (rejected) {
    for (const refusal of rejected) correct(core, names[refusal.index]!, events[refusal.index]!, refusal);
    return 0;
  }
  const problem = (await response.json().catch(() => ({}))) as Problem;
  if (status !== 400 && status !== 413) {
    core.warn(problem.detail ?? `the server answered ${status}`);
    return new Promise(() => undefined);
  }
  const { errors = [], serverTime, detail } = problem;
  const reasons = names.map((_, index) => {
    const place = `events[${index}].`;
    const own = errors.filter(({ field }) => field.startsWith(place));
    return own.map(({ field, message }) => ({ field: field.slice(place.length), message }));
  });
  // Not every event is at fault, and the answer may not tell which one is: halve the request until that one is alone.
  if (names.length > 1 && reasons.some((own) => !own[0])) {
    core.room = Math.min(core.room, events.join('').length) / 2;
    return 0;
  }
  if (status === 400) core.room = ROOM;
  names.forEach((name, index) => {
    correct(core, name, events[index]!, { index, errors: reasons[index]!, serverTime }, detail);
    core.forget(name);
  });
  return 0;
}

/**
 * Writes a refused event again, under a key that ends in "~", where it can be corrected. Once: what is refused twice is
 * given up. Says why in the console, unless the time alone was wrong.
 */
function correct(core: Core, name: string, text: string, refusal: Rejected, detail?: string): void {
  // Another tab may have done it.
  if (core.read(name) !== text || core.read(`${name}~`)) return;
  const event = JSON.parse(text) as { event: unknown; timestamp: string; userId?: string };
  const { errors, serverTime } = refusal;
  if (serverTime) {
    const server = Date.parse(serverTime);
    const behind = server - Date.now();
    core.skew = Math.abs(behind) < SKEW_MIN_MS ? 0 : down(behind);
    const time = Date.parse(event.timestamp) + core.skew;
    // The clock may have been set right since the event.
    event.timestamp = new Date(time < EARLIEST_MS || time > server ? down(server) : time).toISOString();
  }
  if (errors.some(({ field }) => field === 'userId')) {
    if (core.read('tallystone.user') === event.userId) core.forget('tallystone.user');
    delete event.userId;
  }
  const corrected = wellFormed(JSON.stringify(event));
  const again = corrected !== text && !name.endsWith('~');
  if (again) core.write(`${name}~`, corrected);
  if (!again || !serverTime) {
    const reasons = errors.map(({ field, message }) => `${field}: ${message}`).join(' ') || detail;
    core.warn(`${again ? 'corrected' : 'refused'}: ${JSON.stringify(event.event)?.slice(0, 140)}. ${reasons}`);
  }
}

function down(ms: number): number {
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

/** JSON with a replacement character for each half of a surrogate pair, which JSON.stringify writes as an escape. */
function wellFormed(json: string): string {
  return json.replace(/\\(ud...|.)/g, (escape, code: string) => (code.length > 1 ? '\ufffd' : escape));
}

/** Calls `view` after each change of the address, in browsers without the Navigation API. */
export function watchHistory(view: () => void): void {
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      view();
    };
  }
  addEventListener('popstate', view);
  // The address may have changed while this was loaded.
  view();
}

/** Counts clicks on links to other hosts, and middle clicks on links that have data-track. */
export function watchLinks({ track }: Tallystone): void {
  const clicked = (event: MouseEvent) => {
    const path = event.composedPath().filter((target) => target instanceof Element);
    const link = path.find((element) => element.matches('a[href], area[href], a[*|href]'));
    // auxclick is any button but the first; the middle one opens links.
    if (!link || event.button > 1) return;
    const named = path.find((element): element is HTMLElement => !!(element as HTMLElement).dataset?.track);
    if (named && event.button === 1) track(named.dataset.track!);
    const url = target(link);
    if (url && /^http/.test(url.protocol) && url.host !== location.host) track('outbound_click', { href: url.href });
  };
  addEventListener('click', clicked, true);
  addEventListener('auxclick', clicked, true);
}

/** Where a link of HTML or SVG leads; undefined where that is no URL. */
function target(link: Element): URL | undefined {
  const { href } = link as HTMLAnchorElement | SVGAElement;
  try {
    return new URL(typeof href === 'string' ? href : href.baseVal, document.baseURI);
  } catch {
    return undefined;
  }
}
