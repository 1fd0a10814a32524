import { useState } from 'react';
import { Link } from 'wouter';
import { api, type AppInfo, data, type Schemas } from './api.js';
import { counted, moment } from './format.js';
import { Chips, Controls, Download } from './controls.js';
import { useCursorPages } from './cursor-pages.js';
import { Figures } from './overview.js';
import { Failure, Loading, NumberCell } from './panels.js';
import { Top } from './top.js';
import {
  type Asked,
  type Filter,
  filterQuery,
  useAsked,
  userHref,
  useView,
  type View,
  withFilter,
  zoneOf,
} from './url-state.js';

const DIMENSIONS = [
  ['url', 'Pages'],
  ['referrerHost', 'Referrers'],
  ['device', 'Devices'],
  ['browser', 'Browsers'],
  ['os', 'Systems'],
] as const;

/** One event: over time, by what it came from, and who did it last. */
export function EventPage({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const [view, setView] = useView();
  const event = view.filters.find(({ name }) => name === 'event')?.value ?? '';
  const rest = { ...view, filters: view.filters.filter(({ name }) => name !== 'event') };
  const zone = zoneOf(view, apps, app);
  const asked = useAsked(view, zone, app);
  const set = (filters: readonly Filter[]) => setView({ filters: [{ name: 'event', value: event }, ...filters] });
  if (event === '') {
    return (
      <section className="panel">
        <h1>Which event?</h1>
        <p>
          Choose one in the <Link href="/">overview</Link>: the arrow beside its name leads here.
        </p>
      </section>
    );
  }
  return (
    <>
      <h1>{event}</h1>
      <Controls view={view} asked={asked} set={setView} />
      <Chips filters={rest.filters} set={set} />
      <Figures asked={asked} view={rest} event={event} />
      <div className="grid">
        {DIMENSIONS.map(([by, title]) => (
          <Top
            key={by}
            title={title}
            by={by}
            asked={asked}
            view={rest}
            event={event}
            pick={(name, value) => set(withFilter(rest.filters, { name, value }))}
          />
        ))}
        <WhoDidIt event={event} asked={asked} view={rest} />
      </div>
      <Download asked={asked} view={rest} event={event} />
    </>
  );
}

interface Doer {
  id: string;
  last: string;
  device: string;
  times: number;
}

/** The users of the newest events, each once. */
function WhoDidIt({ event, asked, view }: { event: string; asked: Asked; view: View }) {
  const zone = asked.timezone;
  const [shown, setShown] = useState(SHOWN);
  const query = { ...asked, ...filterQuery(view.filters), event: [event], limit: 100 };
  const { query: events, rows: looked } = useCursorPages(['who', query], (at) =>
    data(api.GET('/api/analytics/events', { params: { query: { ...query, ...at } } })),
  );
  const doers = doersOf(looked);
  const more = () => {
    setShown(shown + SHOWN);
    if (events.hasNextPage && doers.length < shown + SHOWN) void events.fetchNextPage();
  };
  const nobody = looked.length > 0 ? 'Nobody of them is known by an id.' : 'Nothing found so far.';
  return (
    <section className={`panel${events.isFetching && events.data ? ' dimmed' : ''}`} aria-busy={events.isFetching}>
      <h2>Who did it last</h2>
      <Loading query={events} />
      {events.error && <Failure error={events.error} retry={() => void events.refetch()} />}
      {events.data && doers.length === 0 && (
        <p className="muted">{events.hasNextPage || looked.length > 0 ? nobody : 'Nothing in this range.'}</p>
      )}
      {doers.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Who did it last">
          <table>
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">Last ({zone})</th>
                <th scope="col" className="number">
                  Of {counted(looked.length, 'event')}
                </th>
                <th scope="col">Device</th>
              </tr>
            </thead>
            <tbody>
              {doers.slice(0, shown).map(({ id, last, device, times }) => (
                <tr key={id}>
                  <th scope="row">
                    <Link href={userHref(view, id)}>{id}</Link>
                  </th>
                  <td>{moment(last, zone)}</td>
                  <NumberCell n={times} />
                  <td>{device}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(events.hasNextPage || doers.length > shown) && (
        <button type="button" onClick={more} disabled={events.isFetchingNextPage}>
          Look further
        </button>
      )}
    </section>
  );
}

/** Users shown at first, and more with each look further. */
const SHOWN = 15;

/** @param events newest first */
function doersOf(events: readonly Schemas['ListedEventDto'][]): Doer[] {
  const doers = new Map<string, Doer>();
  for (const { userId, anonymousId, occurredAt, device } of events) {
    const id = userId ?? anonymousId;
    if (id === null) continue;
    const doer = doers.get(id);
    if (doer) doer.times += 1;
    else doers.set(id, { id, last: occurredAt, device, times: 1 });
  }
  return [...doers.values()];
}
