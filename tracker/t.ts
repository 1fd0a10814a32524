import type { Core, Rejected } from './extra.js';

// Served as /t.js. It stays under 1.8 kB gzipped, so it is terser than the server's code; what few pages need is in
// extra.ts, which is loaded on demand. docs/tracker.md describes what both do.
//
// Each event stays in localStorage under its own key until the server has answered for it. Tabs therefore never overwrite
// each other's events, and none is lost when the page closes, the network fails or the server restarts. An event that is
// sent twice has the same eventId and timestamp, so it counts once.

/** The public functions, `window.tallystone`. None of them throws, whatever it is given. */
export interface Tallystone {
  /** Counts an event. @param metadata anything else about it, as JSON */
  track(name: string, metadata?: object): void;
  /** Assigns the events that follow to this user; null, undefined or '' assigns them to nobody. */
  identify(userId?: string | number | bigint | null): void;
  /** True stops counting in this browser and discards the events that wait; false starts counting again. */
  optOut(out: boolean): void;
}
type Call = [name: keyof Tallystone, args: unknown[]];

/** The stub's queue is an array of the calls made before this script ran; ours makes each call at once. */
interface Queue {
  push(call: Call): unknown;
  forEach?(run: (call: Call) => void): void;
}

interface Prerendered {
  prerendering?: boolean;
}

interface Page {
  tallystone?: Tallystone & { q?: Queue };
  navigation?: EventTarget;
}

(() => {
  const page = window as unknown as Page;
  const outKey = 'tallystone.out';
  const userKey = 'tallystone.user';

  // Tag managers drop data-key, and a module has no current script: then any tag with a valid key will do.
  const current = document.currentScript as HTMLScriptElement | null;
  let apiKey: string;
  let source: string | undefined;
  let waiting: string;
  let options: DOMStringMap = {};
  for (const tag of [current, ...document.scripts]) {
    try {
      options = tag!.dataset;
      apiKey = options.key!.replace(/\s/g, '');
      // Events wait under the app's id, so that its next key sends what waited for this one.
      const { app } = JSON.parse(atob(apiKey.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { app: string };
      waiting = `tallystone.${app.slice(0, 8)}.`;
      source = tag!.src || current!.src;
      break;
    } catch {
      // Not this one.
    }
  }

  const identifyByTag = () => {
    if (options.user != null) page.tallystone!.identify(options.user);
  };
  const queue = page.tallystone?.q ?? ([] as Call[]);
  // The tag is on the page twice, or the body that holds it was replaced.
  if (!queue.forEach) return identifyByTag();

  // Used where localStorage is missing, blocked or full: lasts as long as the page.
  const memory: Record<string, string> = {};
  let kept: Record<string, string> = {};
  try {
    Object.keys(localStorage);
    kept = localStorage;
  } catch {
    // Missing or blocked.
  }
  const read = (name: string) => kept[name] ?? memory[name];
  const write = (name: string, text: string) => {
    try {
      kept[name] = text;
    } catch {
      memory[name] = text;
    }
  };
  const forget = (name: string) => {
    delete kept[name];
    delete memory[name];
  };
  const keys = () =>
    Object.keys(kept)
      .concat(Object.keys(memory))
      .filter((name) => name.startsWith(waiting))
      .sort();
  const silent = () =>
    read(outKey) === '1' ||
    navigator.doNotTrack === '1' ||
    (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
  const warn = (...words: unknown[]) => console.warn('tallystone:', ...words);

  const core: Core = { read, write, forget, warn, room: 2e4, skew: 0 };
  let failures = 0;
  // Of the next request; 0: none is due, -1: one is on its way.
  let timer = 0;
  let refresh: () => unknown = Date.now;
  // The number makes the browser try again where loading it failed.
  const extra = () => import(new URL(`?extra=${failures}`, source).href) as Promise<typeof import('./extra.js')>;

  const send = async () => {
    if (timer < 0) return;
    clearTimeout(timer);
    timer = 0;
    refresh();
    refresh = Date.now;
    let { room } = core;
    const names = keys().filter((name, index) => (room -= read(name)!.length) > 0 || !index);
    const events = names.map(read) as string[];
    if (!names[0]) return;
    timer = -1;
    let rejected: Rejected[] | undefined | false;
    let wait = 1;
    try {
      const sentAt = new Date(Date.now() + core.skew).toISOString();
      const response = await fetch(new URL(`${options.collect || '/api/ingest'}/batch`, source), {
        method: 'POST',
        // Text, so that the browser needs no preflight request.
        body: `{"apiKey":"${apiKey}","sentAt":"${sentAt}","events":[${events}]}`,
        keepalive: room > 0,
      });
      rejected = response.status === 202 && ((await response.json()) as { rejected: Rejected[] }).rejected;
      wait = rejected && !rejected[0] ? 0 : await (await extra()).settle(core, response, rejected, names, events);
    } catch {
      // Offline, or the server is away.
    }
    if (rejected) names.forEach(forget);
    failures = wait && failures + 1;
    // Spread out, so that not all browsers come at once when the server is back.
    timer = setTimeout(send, wait && wait + Math.min(2 ** failures * 500, 6e4) * (0.5 + Math.random()));
  };

  let path: string | undefined;
  let last: string | undefined;
  // As text: an element with such a name would stand in its place.
  let referrer = `${document.referrer}`;
  const methods: Tallystone = {
    track(event, metadata) {
      if (silent()) return;
      const time = Date.now() + core.skew;
      // RFC 9562, version 7: the time in ms, then random digits.
      const eventId =
        (2 ** 48 + time).toString(16).slice(1).replace(/.{8}/, '$&-') +
        '-7xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
          (crypto.getRandomValues(new Uint8Array(1))[0]! & 15).toString(16),
        );
      const isView = event === 'page_view';
      const names = keys();
      if (names[999]) forget(names[0]!);
      const name = waiting + eventId;
      const { userAgent, maxTouchPoints, language } = navigator;
      const said = {
        event,
        eventId,
        timestamp: new Date(time),
        url: location.href.slice(0, 2048),
        referrer: referrer.slice(0, 2048) || undefined,
        // An iPad that asks for the desktop page says it is a Mac. The server tells all others by their User-Agent.
        device:
          maxTouchPoints > 1 && /iPad|Macintosh/.test(userAgent)
            ? screen.width < 600
              ? 'mobile'
              : 'tablet'
            : undefined,
        userId: read(userKey),
      };
      const save = (metadata?: object) => {
        const about = isView
          ? {
              screenSize: `${screen.width}x${screen.height}`,
              language,
              title: `${document.title}`.slice(0, 2048),
              ...metadata,
            }
          : metadata;
        write(name, JSON.stringify({ ...said, metadata: about }));
      };
      try {
        save(metadata);
      } catch (error) {
        warn(error);
        save();
      }
      // Single-page sites set the title after the address: the last view is written again just before it is sent.
      if (isView && !metadata) {
        refresh();
        refresh = () => read(name) && save();
      }
      // A running timer is not put off by the events that follow.
      timer = timer || setTimeout(send, 200);
    },
    identify(userId) {
      forget(userKey);
      const text = /^(st|n|bi)/.test(typeof userId) ? `${userId}` : '';
      if (text) write(userKey, text);
      else if (userId) warn('identify takes text');
    },
    optOut(out) {
      if (out) keys().forEach(forget);
      write(outKey, out ? '1' : '0');
    },
  };

  // Calls wait until the page is shown.
  const run = (call: Call) => {
    if (!source || (document as Prerendered).prerendering) return queue.push(call);
    try {
      (methods[call[0]] as (...args: unknown[]) => void)(...call[1]);
    } catch (error) {
      warn(error);
    }
  };
  const api = (page.tallystone = { q: { push: run } } as unknown as Tallystone);
  for (const name in methods) api[name as keyof Tallystone] = (...args) => void run([name as keyof Tallystone, args]);
  if (!source) return warn('no data-key');

  const view = () => {
    const at = location.pathname + (options.hash != null ? location.hash.split('?')[0] : '');
    if (at === path) return;
    path = at;
    referrer = last ?? referrer;
    last = location.href;
    api.track('page_view');
  };
  const start = () => {
    // Reserves the room: the opt-out can then be changed even when storage is full.
    if (!silent()) write(outKey, '0');
    identifyByTag();
    queue.forEach!(run);
    view();
    send();
    if (page.navigation) page.navigation.addEventListener('currententrychange', view);
    else extra().then((more) => more.watchHistory(view), warn);
    if (options.outbound != null) extra().then((more) => more.watchLinks(api), warn);
    // Back to a page that the browser had kept as it was.
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) {
        path = undefined;
        view();
      }
    });
    addEventListener('online', send);
    addEventListener('visibilitychange', send);
    addEventListener(
      'click',
      (event) => {
        const named = (event.composedPath() as HTMLElement[]).find((element) => element.dataset?.track);
        if (named) api.track(named.dataset.track!);
      },
      true,
    );
  };
  if ((document as Prerendered).prerendering) document.addEventListener('prerenderingchange', start);
  else start();
})();
