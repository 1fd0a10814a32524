import { useEffect, useState } from 'react';
import { renew, type Schemas } from './api.js';
import type { AppInfo } from './app.js';
import { full, HERE } from './format.js';

type Listed = Schemas['ListedEventDto'];
interface Counts {
  total: number;
  minutes: { minute: string; count: number }[];
}

const SHOWN = 100;
const CLOCK = new Intl.DateTimeFormat(navigator.language, { timeStyle: 'medium' });

/** What happens now. */
export function Live({ app }: { app?: AppInfo }) {
  const [events, setEvents] = useState<Listed[]>([]);
  const [counts, setCounts] = useState<Counts>();
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    setEvents([]);
    const open = () => {
      source = new EventSource(`/api/analytics/live${app ? `?appId=${app.id}` : ''}`);
      source.onopen = () => setConnected(true);
      source.addEventListener('events', ({ data }: MessageEvent<string>) => {
        const news = JSON.parse(data) as Listed[];
        setEvents((known) => {
          const ids = new Set(news.map(({ id }) => id));
          return [...news, ...known.filter(({ id }) => !ids.has(id))].slice(0, SHOWN);
        });
      });
      source.addEventListener('counts', ({ data }: MessageEvent<string>) => setCounts(JSON.parse(data) as Counts));
      source.onerror = () => {
        setConnected(false);
        // It comes back by itself after an end; refused, it does not: the sign-in is renewed first.
        if (source?.readyState !== EventSource.CLOSED) return;
        timer = setTimeout(() => void renew().then(() => !over && open()), 1000);
      };
    };
    open();
    return () => {
      over = true;
      clearTimeout(timer);
      source?.close();
    };
  }, [app?.id]);
  const most = Math.max(1, ...(counts?.minutes ?? []).map(({ count }) => count));
  return (
    <>
      <section className="panel">
        <header className="panel-head">
          <h1>Live</h1>
          <span className="muted" role="status">
            {connected ? 'Connected' : 'Connecting …'}
          </span>
        </header>
        <div className="figures">
          <div className="figure">
            <span className="name">Events of the last 30 minutes</span>
            <span className="value">{full(counts?.total ?? 0)}</span>
          </div>
        </div>
        <ol className="minutes" aria-label="Events a minute, the newest last">
          {counts?.minutes.map(({ minute, count }) => (
            <li key={minute} title={`${CLOCK.format(new Date(minute))}: ${full(count)}`}>
              <span className="hidden">
                {CLOCK.format(new Date(minute))}: {full(count)}
              </span>
              <span className="column" style={{ height: `${(100 * count) / most}%` }} aria-hidden="true" />
            </li>
          ))}
        </ol>
        <p className="small muted">Times of {HERE}.</p>
      </section>
      <section className="panel">
        <h2>Newest events</h2>
        {events.length === 0 && (
          <p className="muted">
            Nothing in the last 30 minutes. Events show here about a second after they were posted.
          </p>
        )}
        <ol className="timeline">
          {events.map((event) => (
            <li key={event.id}>
              <time dateTime={event.occurredAt}>{CLOCK.format(new Date(event.occurredAt))}</time>{' '}
              <strong>{event.event}</strong>{' '}
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
