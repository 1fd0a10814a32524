// What t.ts loads from `/t.js?extra` when it is needed: when the server refuses something, when the tag asks for outbound
// links, and in browsers without the Navigation API. Both files come from one build, but a browser may
// keep either for an hour: change what they share with care. Sites hide globals and properties here as well (see t.ts).

/** What t.ts shares. */
export interface Core {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  forget(name: string): void;
  /** Warns in the console. */
  warn(words: unknown): void;
  /** A request holds one event, or so many characters of them. */
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

/** The answer to a batch: its refusals, or the problem+json of a request that was refused as a whole. */
interface Problem {
  rejected?: Rejected[];
  detail?: string;
  errors?: Rejected['errors'];
  serverTime?: string;
}

/** Characters of a request, unless the server has refused so many. */
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
 * @param body the answer's text
 * @param names the keys of the events that were sent, and `events` their JSON
 * @returns ms to wait before the next request; never, where the key is refused: the events then wait for the next page
 */
async function settle(
  core: Core,
  { status, headers }: Response,
  body: string,
  names: string[],
  events: string[],
): Promise<number> {
  if (status === 408 || status === 429 || status > 499) return Number(headers.get('retry-after')) * 1000 || 1;
  const answer = parsed(body);
  const problem: Problem = isObject(answer) ? answer : {};
  if (status === 202) {
    for (const refusal of problem.rejected!) correct(core, names[refusal.index]!, events[refusal.index]!, refusal);
    names.forEach((name) => core.forget(name));
    return 0;
  }
  // A proxy in front gives no reason.
  const { errors = [], serverTime, detail = `the server answered ${status}` } = problem;
  if (status !== 400 && status !== 413) {
    core.warn(detail);
    return new Promise(() => undefined);
  }
  // Something else has written into the queue. One such entry spoils every request that holds it.
  const broken = names.filter((_, index) => !isObject(parsed(events[index]!)));
  if (broken[0]) {
    core.warn(`dropped what is no event: ${broken}`);
    broken.forEach((name) => core.forget(name));
    return 0;
  }
  // The device's clock is so wrong that the time of the request itself cannot be read.
  if (serverTime && errors.some(({ field }) => field === 'sentAt')) {
    const { skew } = core;
    if (setSkew(core, serverTime) !== skew) return 0;
  }
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
  const event = JSON.parse(text) as { event: unknown; eventId: string; timestamp?: string; userId?: string };
  const { errors, serverTime } = refusal;
  if (serverTime) {
    const server = Date.parse(serverTime);
    const time = (event.timestamp ? Date.parse(event.timestamp) : uuidTime(event.eventId)) + setSkew(core, serverTime);
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

/** Takes the server's clock for the right one. @returns how far the device's is behind it, in ms */
function setSkew(core: Core, serverTime: string): number {
  const behind = Date.parse(serverTime) - Date.now();
  return (core.skew = Math.abs(behind) < SKEW_MIN_MS ? 0 : down(behind));
}

/** The time that t.ts has put into a UUID, in ms; where the device's clock was before 1970, far in the future. */
function uuidTime(id: string): number {
  return parseInt(id.replace('-', '').slice(0, 12), 16);
}

/** @returns undefined for what is no JSON, such as a proxy's page */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && !!value;
}

function down(ms: number): number {
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

/** JSON with a replacement character for each half of a surrogate pair, which JSON.stringify writes as an escape. */
function wellFormed(json: string): string {
  return json.replace(/\\(ud...|.)/g, (escape, code: string) => (code.length > 1 ? '\ufffd' : escape));
}

/** Calls `view` after each change of the address, in browsers without the Navigation API. */
function watchHistory(view: () => void): void {
  // Not the site's own variable of that name.
  const { history } = window;
  for (const name of ['pushState', 'replaceState'] as const) {
    try {
      const original = history[name];
      history[name] = function (...args) {
        original.apply(this, args);
        view();
      };
    } catch {
      // The site has made it read-only. The back button is still seen.
    }
  }
  window.addEventListener('popstate', view);
  // The address may have changed while this was loaded.
  view();
}

/** Counts clicks on links to other hosts, and middle clicks on links that have data-track. */
function watchLinks(track: (name: string, metadata?: object) => void): void {
  const clicked = (event: Event) => {
    const middle = (event as MouseEvent).button === 1;
    // auxclick is any button but the first; the middle one opens links.
    if (event.type === 'auxclick' && !middle) return;
    try {
      // A control of that name in a form does not stand in the place of these.
      const { Element } = window;
      const { matches, getAttribute } = Element.prototype;
      const path = event.composedPath().filter((target): target is Element => target instanceof Element);
      const link = path.find((element) => matches.call(element, 'a[href], area[href], a[*|href]'));
      if (!link) return;
      const named = path.map((element) => getAttribute.call(element, 'data-track')).find(Boolean);
      if (named && middle) track(named);
      const url = target(link);
      if (url && /^http/.test(url.protocol) && url.host !== location.host) track('outbound_click', { href: url.href });
    } catch {
      // The site has replaced something that this needs.
    }
  };
  for (const type of ['click', 'auxclick']) window.addEventListener(type, clicked, true);
}

/** Where a link of HTML or SVG leads. */
function target(link: Element): HTMLAnchorElement {
  const { href } = link as HTMLAnchorElement | SVGAElement;
  if (typeof href === 'string') return link as HTMLAnchorElement;
  const anchor = document.createElement('a');
  anchor.href = href.baseVal;
  return anchor;
}

// Under short names, which are few bytes in t.ts.
export { settle as s, watchHistory as h, watchLinks as l };
