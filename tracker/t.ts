import type { Core } from './extra.js';

// Served as /t.js. It stays under 1.8 kB gzipped, so it is terser than the server's code; what few pages need is in
// extra.ts, which is loaded on demand. docs/tracker.md describes what both do.
//
// Each event stays in localStorage under its own key until the server has answered for it. Tabs therefore never overwrite
// each other's events, and none is lost when the page closes, the network fails or the server restarts. An event that is
// sent twice has the same eventId and timestamp, so it counts once.
//
// Sites declare globals such as `URL`, `screen` and `navigation`, and name elements `title` or `matches`, which hides the
// document's and the form's own properties. Read what a site can hide from `page`, which `const URL` leaves alone, expect it
// to be of any type, and run everything under `guard`.

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

/** The calls made before this script ran, or before the page is shown. After that, `push` makes each call at once. */
interface Queue extends Array<Call> {
  push(call: Call): number;
  /** A tag with a key has run. */
  running?: boolean;
}

interface Prerendered {
  prerendering?: boolean;
}

interface Page {
  tallystone?: Tallystone & { q?: Queue };
  navigation?: EventTarget & { currentEntry?: unknown };
}

(() => {
  const page = window as unknown as Page & Omit<typeof globalThis, 'navigation'>;
  const outKey = 'tallystone.out';
  const userKey = 'tallystone.user';
  const warn = (words: unknown): unknown => page.console?.warn?.('tallystone:', words);
  /** The same function, which never throws. */
  const guard =
    <A extends unknown[]>(run: (...args: A) => unknown) =>
    (...args: A) => {
      try {
        run(...args);
      } catch (error) {
        warn(error);
      }
    };

  guard(() => {
    let apiKey: string;
    let source: string | undefined;
    let waiting: string;
    let options: DOMStringMap = {};
    const current = document.currentScript as HTMLScriptElement | null;
    // Tag managers drop data-key, and a module has no current script: then any tag with a valid key will do. The list is
    // looked at last: an element named "scripts" hides it.
    [[current], document.scripts].some((tags) =>
      [...tags].some((tag) => {
        try {
          options = tag!.dataset;
          apiKey = options.key!.replace(/\s/g, '');
          // Events wait under the beginning of the app's id, so that its next key sends what waited for this one. The claims
          // of a key begin with {"jti":"…","app":"0…"; these characters are the next digits of the app, and "-".
          waiting = `tallystone.0${atob(/eyJqdGkiO.{63}(.{12})/.exec(apiKey)![1]!).slice(0, 7)}.`;
          return (source = tag!.src || current!.src);
        } catch {
          // Not this one.
        }
      }),
    );

    const identifyByTag = () => {
      if ('user' in options) page.tallystone!.identify(options.user);
    };
    const queue = page.tallystone?.q ?? ([] as unknown as Queue);
    // The tag is on the page twice, or the body that holds it was replaced.
    if (queue.running) return identifyByTag();

    // What localStorage does not keep lasts as long as the page.
    const memory: Record<string, string> = {};
    let kept: Record<string, string>;
    try {
      Object.keys((kept = localStorage));
    } catch {
      kept = {};
    }
    const read = (name: string) => {
      try {
        return memory[name] ?? kept[name];
      } catch {
        // It is not to be read, or not any more.
        kept = {};
      }
    };
    const forget = (name: string) => {
      delete memory[name];
      read(name);
      delete kept[name];
    };
    const write = (name: string, text: string) => {
      try {
        forget(name);
        kept[name] = text;
      } catch {
        // Full.
      }
      if (read(name) !== text) memory[name] = text;
    };
    const keys = () =>
      Object.keys(kept)
        .concat(Object.keys(memory))
        .filter((name) => !name.indexOf(waiting))
        .sort();
    const discard = () => keys().concat(userKey).forEach(forget);
    const silent = () =>
      (read(outKey) as unknown as number) > 0 ||
      (page.navigator.doNotTrack as unknown as number) > 0 ||
      (page.navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;

    const core: Core = { read, write, forget, warn, room: 2e4, skew: 0 };
    let failures = 0;
    // Of the next request; 0: none is due, -1: one is on its way.
    let timer = 0;
    let refresh: () => unknown = Date.now;
    // The browser does not try an address again that could not be loaded.
    const extra = () =>
      import(source!.replace(/[?#].*|$/, `?extra=${failures}`)) as Promise<typeof import('./extra.js')>;

    const send = async () => {
      if (timer < 0) return;
      let body = '';
      let wait = 1;
      let names!: string[];
      try {
        clearTimeout(timer);
        timer = 0;
        refresh();
        refresh = Date.now;
        let { room } = core;
        names = keys().filter((name, index) => (room -= read(name)!.length) > 0 || !index);
        const events = names.map(read) as string[];
        if (!names[0]) return;
        timer = -1;
        // Text, so that the browser needs no preflight request.
        const response = await page.fetch(
          `${source!.split('/', 3).join('/') + (options.collect || '/api/ingest')}/batch`,
          {
            method: 'POST',
            body: `{"apiKey":"${apiKey}","sentAt":"${new Date(Date.now() + core.skew).toJSON()}","events":[${events}]}`,
            // Browsers keep 64 KiB alive for a page that closes; a character has up to three bytes.
            keepalive: room > 0,
          },
        );
        body = await response.text();
        wait = /d":\[]/.test(body)
          ? names.forEach(forget)!
          : await (await extra()).s(core, response, body, names, events);
      } catch {
        // Offline, or the server is away; or the second file could not be loaded to handle what it has refused.
        if (/userId/.test(body)) forget(userKey);
        if (failures > 1 && /d":\[{|s":4(00|13)/.test(body)) {
          warn(body);
          names.forEach(forget);
        }
      }
      failures = wait ? failures + ((failures < 7) as unknown as number) : 0;
      // Spread out, so that not all browsers come at once when the server is back.
      timer = setTimeout(send, wait && wait + 2 ** failures * 500 * (0.5 + Math.random()));
    };

    /** An element that hides the property has no `slice`. */
    const cut = (text: string) => text.slice?.(0, 2048);
    let path: string | undefined;
    let last = document.referrer;
    let referrer = last;
    const methods: Tallystone = {
      track(event, metadata) {
        if (silent()) return;
        const time = Date.now() + core.skew;
        // RFC 9562, version 7: the time in ms, then random digits. The server takes the time from it.
        const random = page.crypto.getRandomValues(new Uint32Array(3)).join('');
        const eventId = ((2 ** 48 + time).toString(16) + random).replace(
          /.(.{8})(.{4})(...)(...)(.{12}).*/,
          '$1-$2-7$3-8$4-$5',
        );
        const isView = event === 'page_view';
        const names = keys();
        if (names[999]) forget(names[0]!);
        const name = waiting + eventId;
        const { userAgent, maxTouchPoints, language } = page.navigator;
        const { width, height } = page.screen ?? {};
        const said = {
          event,
          eventId,
          url: cut(location.href),
          referrer: cut(referrer),
          // An iPad that asks for the desktop page says it is a Macintosh. The server tells all others by their User-Agent.
          device: maxTouchPoints > 1 && /tosh/.test(userAgent) ? (width < 600 ? 'mobile' : 'tablet') : null,
          userId: read(userKey),
        };
        const save = (metadata?: object) =>
          write(
            name,
            JSON.stringify({
              ...said,
              metadata:
                isView && !(metadata as { at?: unknown } | undefined)?.at
                  ? {
                      screenSize: width && width + 'x' + height,
                      language,
                      title: cut(document.title),
                      ...metadata,
                    }
                  : metadata,
            }),
          );
        // Without metadata first: they may be impossible to write.
        save();
        guard(save)(metadata);
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
        // Text, a BigInt, or a number that is one: neither NaN nor Infinity.
        if (/^(st|bi|n.*\d)/.test(typeof userId + userId)) {
          if (userId !== '' && !silent()) write(userKey, `${userId}`);
        } else if (userId != null) warn('not text');
      },
      optOut(out) {
        if (out) discard();
        write(outKey, `${+!!out}`);
      },
    };

    const run = guard(([name, args]: Call) => (methods[name] as (...args: unknown[]) => void)(...args));
    const api = (page.tallystone = { q: queue } as unknown as Record<
      keyof Tallystone,
      (...args: unknown[]) => unknown
    > &
      Tallystone);
    for (const name in methods)
      api[name as keyof Tallystone] = (...args) => queue.push([name as keyof Tallystone, args]);
    // Calls wait: another tag may have a key.
    if (!source) {
      return (queue.running ??= !!warn('no data-key'));
    }
    queue.running = true;

    const view = (again?: unknown) => {
      // "#/" and "#!/" are where "" is, and so is #part.
      const at = location.pathname + ('hash' in options && location.hash.replace(/\?.*|^#(?![/!]).*|^#!?\/?/g, ''));
      if (at === path && again !== true) return;
      path = at;
      referrer = last;
      last = location.href;
      api.track('page_view');
    };
    const load = (use: (more: typeof import('./extra.js')) => void) => extra().then(use).catch(warn);
    const start = guard(() => {
      // Reserves the room: the opt-out can then be changed even when storage is full.
      if (silent()) discard();
      else write(outKey, '0');
      queue.push = run as never;
      identifyByTag();
      queue.forEach(run);
      view();
      send();
      // Persisted: the browser had kept the page as it was.
      addEventListener('pageshow', (event) => view(event.persisted));
      addEventListener('visibilitychange', send);
      addEventListener(
        'click',
        guard((event: MouseEvent) => {
          (event.composedPath() as HTMLElement[]).some(({ dataset }) => dataset?.track && !api.track(dataset.track));
        }),
        true,
      );
      if ('outbound' in options) load((more) => more.l(api.track));
      // An element or a variable of that name has none.
      if (page.navigation?.currentEntry) page.navigation.addEventListener('currententrychange', view);
      else load((more) => more.h(view));
    });
    if (((document as Prerendered).prerendering as unknown as number) > 0)
      addEventListener('prerenderingchange', start, true);
    else start();
  })();
})();
