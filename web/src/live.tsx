import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { reachable } from './addresses.js';
import { type AppInfo, ask, NoAnswer, renew, type Schemas } from './api.js';
import { full, HERE } from './format.js';
import { Failure } from './panels.js';
import { useIsWell } from './server-notice.js';

type Listed = Schemas['ListedEventDto'];
interface Counts {
  total: number;
  minutes: { minute: string; count: number }[];
}

const SHOWN = 100;
/** ms between two tries to connect, at the most. */
const LONGEST_PAUSE_MS = 30_000;
const CLOCK = new Intl.DateTimeFormat(navigator.language, { timeStyle: 'medium' });

const clock = (iso: string) => CLOCK.format(new Date(iso));

/**
 * Whether a content blocker stops the stream. An EventSource does not tell why it fails, a fetch does.
 * @returns the error to show; undefined where the server answers, even by refusing, or is away
 */
async function blockedStream(address: string): Promise<NoAnswer | undefined> {
  const ended = new AbortController();
  try {
    await ask(address, { signal: ended.signal });
  } catch (error) {
    if (error instanceof NoAnswer && error.blocked) return error;
  } finally {
    ended.abort();
  }
  return undefined;
}

/** What happens now. */
export function Live({ app }: { app?: AppInfo }) {
  const [events, setEvents] = useState<Listed[]>([]);
  const [counts, setCounts] = useState<Counts>();
  const [connected, setConnected] = useState(false);
  const [heardAt, setHeardAt] = useState<string>();
  const [blocked, setBlocked] = useState<NoAnswer>();
  /** What the server says while it has nothing to tell. */
  const [unavailable, setUnavailable] = useState<string>();
  const queries = useQueryClient();
  const isWell = useIsWell();
  const connectNow = useRef<() => void>(undefined);
  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    let failures = 0;
    setEvents([]);
    setCounts(undefined);
    setConnected(false);
    setHeardAt(undefined);
    setBlocked(undefined);
    setUnavailable(undefined);
    const address = reachable(`/api/analytics/live${app ? `?appId=${app.id}` : ''}`);
    const hear = () => setHeardAt(new Date().toISOString());
    const open = () => {
      source = new EventSource(address);
      source.onopen = () => {
        failures = 0;
        setConnected(true);
        setBlocked(undefined);
        hear();
      };
      source.addEventListener('events', ({ data }: MessageEvent<string>) => {
        hear();
        setUnavailable(undefined);
        const news = JSON.parse(data) as Listed[];
        setEvents((known) => {
          const ids = new Set(news.map(({ id }) => id));
          return [...news, ...known.filter(({ id }) => !ids.has(id))].slice(0, SHOWN);
        });
      });
      source.addEventListener('counts', ({ data }: MessageEvent<string>) => {
        hear();
        setUnavailable(undefined);
        setCounts(JSON.parse(data) as Counts);
      });
      source.addEventListener('unavailable', ({ data }: MessageEvent<string>) => {
        hear();
        setUnavailable((JSON.parse(data) as { detail: string }).detail);
      });
      source.onerror = () => {
        setConnected(false);
        void explain();
        // It comes back by itself after an end; refused, it does not: the sign-in is renewed first.
        if (source?.readyState !== EventSource.CLOSED) return;
        connectNow.current = () => {
          connectNow.current = undefined;
          clearTimeout(timer);
          void again();
        };
        timer = setTimeout(connectNow.current, Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MS));
        failures += 1;
      };
    };
    const explain = async () => {
      const error = await blockedStream(address);
      if (!over && source?.readyState !== EventSource.OPEN) setBlocked(error);
    };
    const again = async () => {
      // The question who is signed in leads to the sign-in where that is over.
      const renewed = await renew().catch(() => undefined);
      if (renewed === false) await queries.invalidateQueries({ queryKey: ['me'] });
      if (!over) open();
    };
    open();
    return () => {
      over = true;
      connectNow.current = undefined;
      clearTimeout(timer);
      source?.close();
    };
  }, [app?.id, queries]);
  useEffect(() => {
    if (isWell) connectNow.current?.();
  }, [isWell]);
  const most = Math.max(1, ...(counts?.minutes ?? []).map(({ count }) => count));
  return (
    <>
      <section className="panel">
        <header className="panel-head">
          <h1>Live</h1>
          <span className="muted" role="status">
            {connected
              ? 'Connected'
              : blocked
                ? 'Not connected'
                : heardAt
                  ? `Connecting again … last heard ${clock(heardAt)}`
                  : 'Connecting …'}
          </span>
        </header>
        {blocked && <Failure error={blocked} />}
        {unavailable !== undefined && (
          <p role="alert" className="failure">
            {unavailable} This page tries again by itself.
          </p>
        )}
        <div className="figures">
          <div className="figure">
            <span className="name">Events of the last 30 minutes</span>
            <span className="value">{counts ? full(counts.total) : '–'}</span>
          </div>
        </div>
        <ol className="minutes" aria-label="Events a minute, the newest last">
          {counts?.minutes.map(({ minute, count }) => (
            <li key={minute} title={`${clock(minute)}: ${full(count)}`}>
              <span className="hidden">
                {clock(minute)}: {full(count)}
              </span>
              <span className="column" style={{ height: `${(100 * count) / most}%` }} aria-hidden="true" />
            </li>
          ))}
        </ol>
        <p className="small muted">Times of {HERE}.</p>
      </section>
      <section className="panel">
        <h2>Newest events</h2>
        {!counts && !blocked && unavailable === undefined && <p className="muted">Loading …</p>}
        {counts && events.length === 0 && (
          <p className="muted">
            Nothing in the last 30 minutes. Events show here about a second after they were posted.
          </p>
        )}
        <ol className="timeline">
          {events.map((event) => (
            <li key={event.id}>
              <time dateTime={event.occurredAt}>{clock(event.occurredAt)}</time> <strong>{event.event}</strong>{' '}
              <span className="muted">
                {[event.userId, event.url, event.device, event.browser].filter(Boolean).join(' · ')}
              </span>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}
