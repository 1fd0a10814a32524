// Served as /t.js and built by scripts/build-tracker.mjs into at most 1.8 kB gzipped, so it is written shorter than the
// server; what it does is told in docs/tracker.md.
//
// Each event lies in localStorage under a key of its own until the server has answered for it, so tabs cannot overwrite
// each other's, and closing the page, being offline or a server that restarts loses none. What is sent twice has the same
// eventId and timestamp, and counts once.

interface Tallystone {
  /** Counts something. @param metadata anything else about it, as JSON */
  track(name: string, metadata?: object): void;
  /** From now on events are of this person; null or nothing: of nobody known. */
  identify(userId?: string | null): void;
  /** True: nothing is counted in this browser any more, and what waits is thrown away. */
  optOut(out: boolean): void;
}

(() => {
  const script = document.currentScript as HTMLScriptElement;
  const { key: apiKey, outbound } = script.dataset;
  const collect = new URL('/api/analytics/collect/batch', script.src).href;
  const prefix = 'tallystone.';
  // Named after the app, so that a new key of it sends what waited for the old one.
  const { app } = JSON.parse(atob(apiKey!.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { app: string };
  const waiting = `${prefix}${app.slice(0, 8)}.`;
  // At most this much: what a browser takes of a page that is being closed is 64 KiB.
  const batchBytes = 6e4;
  let batchEvents = 50;
  const keptEvents = 1000;

  // Where storage is closed to us, or full, it is kept as long as the page.
  const memory: Record<string, string> = {};
  let kept: Record<string, string> = memory;
  try {
    kept = localStorage;
  } catch {
    // Closed to us.
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

  const silent = () =>
    read(`${prefix}out`) === '1' ||
    navigator.doNotTrack === '1' ||
    (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
  // The place for the word is taken now: where storage is full later, it can still be changed.
  if (!silent() && !read(`${prefix}out`)) write(`${prefix}out`, '0');

  const keys = () =>
    [...new Set([...Object.keys(kept), ...Object.keys(memory)])].filter((name) => name.startsWith(waiting)).sort();

  let busy = false;
  let failures = 0;
  let timer = 0;

  const later = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(send, ms);
  };

  const send = async () => {
    clearTimeout(timer);
    timer = 0;
    if (busy) return;
    const names: string[] = [];
    const events: string[] = [];
    let bytes = 0;
    for (const name of keys()) {
      const event = read(name)!;
      bytes += new Blob([event]).size;
      if (events.length && (bytes > batchBytes || events.length === batchEvents)) break;
      names.push(name);
      events.push(event);
    }
    if (!events.length) return;
    busy = true;
    let wait = 0;
    try {
      const body = `{"apiKey":"${apiKey}","sentAt":"${new Date().toISOString()}","events":[${events}]}`;
      // Text, so that no browser asks beforehand whether it may.
      const { status, headers } = await fetch(collect, { method: 'POST', body, keepalive: bytes < batchBytes });
      if (status === 413 && events.length > 1) {
        batchEvents = events.length >> 1;
        wait = 1;
      } else if (status === 408 || status === 429 || status > 499) wait = Number(headers.get('retry-after')) * 1e3 || 1;
      // Answered: taken, or refused for good.
      else names.forEach(forget);
    } catch {
      wait = 1;
    }
    busy = false;
    failures = wait ? failures + 1 : 0;
    // Not all at once when the server is back.
    if (wait) later(Math.max(wait, Math.min(2 ** failures * 500, 6e4) * (0.5 + Math.random())));
    else if (keys().length) later(0);
  };

  /** RFC 9562: the time in ms, then what nobody else has. */
  const uuid = (now: number) => {
    const random = [...crypto.getRandomValues(new Uint8Array(10))]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
    const text =
      now.toString(16).padStart(12, '0') +
      '7' +
      random.slice(1, 4) +
      '89ab'[random.charCodeAt(4) & 3] +
      random.slice(5);
    return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  };

  let referrer = document.referrer;
  const track = (event: string, metadata?: object) => {
    if (silent()) return;
    const now = Date.now();
    const eventId = uuid(now);
    const names = keys();
    if (names.length >= keptEvents) forget(names[0]!);
    const url = location.href.slice(0, 2048);
    const said = {
      event,
      eventId,
      timestamp: new Date(now).toISOString(),
      url,
      referrer: referrer.slice(0, 2048) || undefined,
    };
    const text = JSON.stringify({ ...said, userId: read(`${prefix}user`), metadata });
    write(waiting + eventId, text);
    // Not put off by each one that follows.
    if (!timer) later(200);
  };

  let page: string | undefined;
  const view = () => {
    const now = location.href.split('#')[0];
    if (now === page) return;
    if (page) referrer = page;
    page = now;
    track('page_view');
  };

  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      view();
    };
  }
  addEventListener('popstate', view);
  // Back to a page that the browser had kept as it was.
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return;
    page = undefined;
    view();
  });
  addEventListener('online', () => later(0));
  document.addEventListener('visibilitychange', () => void send());
  document.addEventListener(
    'click',
    ({ target }) => {
      const element = target as Element;
      const named = element.closest?.<HTMLElement>('[data-track]');
      if (named) track(named.dataset.track!);
      const link = element.closest?.<HTMLAnchorElement>('a[href]');
      if (outbound !== undefined && link && /^http/.test(link.protocol) && link.host !== location.host) {
        track('outbound_click', { href: link.href });
      }
      if (named || link) void send();
    },
    true,
  );

  (window as unknown as { tallystone: Tallystone }).tallystone = {
    track,
    identify: (userId) => {
      forget(`${prefix}user`);
      if (userId != null) write(`${prefix}user`, userId);
    },
    optOut: (out) => {
      if (out) keys().forEach(forget);
      write(`${prefix}out`, out ? '1' : '0');
    },
  };
  view();
  void send();
})();
