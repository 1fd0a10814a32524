import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { api, type AppInfo, data } from './api.js';
import { SeriesChart } from './chart.js';
import { Chips, Controls, Download } from './controls.js';
import { change, moment, tenths } from './format.js';
import { Count, Panel } from './panels.js';
import { Top } from './top.js';
import {
  type Asked,
  DAY_MS,
  type FilterName,
  useAsked,
  useView,
  type View,
  withFilter,
  write,
  zoneOf,
} from './url-state.js';

export function Overview({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const [view, setView] = useView();
  const zone = zoneOf(view, apps, app);
  const asked = useAsked(view, zone, app);
  const filter = (name: FilterName, value: string) => setView({ filters: withFilter(view.filters, { name, value }) });
  return (
    <>
      <h1 className="hidden">Overview</h1>
      <Controls view={view} asked={asked} set={setView} />
      <Chips filters={view.filters} set={(filters) => setView({ filters })} />
      <Figures asked={asked} view={view} />
      <div className="grid">
        <Top title="Events" by="event" asked={asked} view={view} pick={filter} toEvent />
        <Top title="Pages" by="url" asked={asked} view={view} pick={filter} />
        <Top title="Referrers" by="referrerHost" asked={asked} view={view} pick={filter} />
        <Top title="Devices" by="device" asked={asked} view={view} pick={filter} />
        <Top title="Browsers" by="browser" asked={asked} view={view} pick={filter} />
        <Top title="Campaign sources" by="utmSource" asked={asked} view={view} pick={filter} />
      </div>
      <Download asked={asked} view={view} />
    </>
  );
}

const INTERVALS = { hour: 'Hours', day: 'Days', week: 'Weeks', month: 'Months' } as const;
/** Days up to which a series has a bucket a day, or a week: the API has at most 1,000 buckets, and a screen fewer. */
const BY_DAY_MAX = 400;
const BY_WEEK_MAX = 2500;

function intervalOf({ startDate, endDate }: Asked): keyof typeof INTERVALS {
  const days = (Date.parse(endDate) - Date.parse(startDate)) / DAY_MS + 1;
  if (days === 1) return 'hour';
  if (days <= BY_DAY_MAX) return 'day';
  return days <= BY_WEEK_MAX ? 'week' : 'month';
}

/** Big numbers with their change, and how they came about over time; of all events, or of one. */
export function Figures({ asked, view, event }: { asked: Asked; view: View; event?: string }) {
  const { timezone: zone } = asked;
  const [shown, setShown] = useState<'count' | 'uniqueUsers'>('count');
  const names =
    event !== undefined ? [event] : view.filters.filter(({ name }) => name === 'event').map(({ value }) => value);
  const query = {
    ...asked,
    interval: intervalOf(asked),
    ...(names.length === 1 ? { event: names } : {}),
    ...(view.compare ? { compare: 'previous' as const } : {}),
  };
  const series = useQuery({
    queryKey: ['series', query],
    queryFn: () => data(api.GET('/api/analytics/series', { params: { query } })),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
  return (
    <Panel title={names.length === 1 ? names[0]! : 'All events'} query={series}>
      {(found) => {
        const now = found.series[0]!;
        const isOver = now.buckets.every(({ complete }) => complete);
        return (
          <>
            <div className="figures">
              <Figure
                name="Events"
                value={now.count}
                before={now.previous?.count}
                isOver={isOver}
                on={shown === 'count'}
                pick={() => setShown('count')}
              />
              <Figure
                name="Users"
                value={now.uniqueUsers}
                before={now.previous?.uniqueUsers}
                isOver={isOver}
                on={shown === 'uniqueUsers'}
                pick={() => setShown('uniqueUsers')}
              />
              <Figure name="Events per user" value={now.uniqueUsers ? now.count / now.uniqueUsers : 0} digits />
            </div>
            <SeriesChart series={found} figure={shown} />
            <p className="small muted">
              {INTERVALS[found.interval]} of {zone}. Complete up to {moment(found.asOf, zone)}.
              {(names.length > 1 || view.filters.some(({ name }) => name !== 'event')) &&
                ' Filters other than a single event apply to the tables below.'}
            </p>
            {now.count === 0 && <NothingYet view={view} />}
          </>
        );
      }}
    </Panel>
  );
}

function Figure({
  name,
  value,
  before,
  isOver = true,
  on,
  pick,
  digits,
}: {
  name: string;
  value: number;
  before?: number;
  /** False: there is more to come, while the time before is whole. */
  isOver?: boolean;
  on?: boolean;
  pick?: () => void;
  digits?: boolean;
}) {
  const changed = before === undefined ? undefined : change(value, before);
  const content: ReactNode = (
    <>
      <span className="name">{name}</span>
      <span className="value" data-value={value}>
        {digits ? tenths(value) : <Count n={value} />}
      </span>
      {changed && (
        <span className={`change ${!isOver && changed.direction === 'down' ? 'same' : changed.direction}`}>
          {changed.text}
          {!isOver && ' so far'}
        </span>
      )}
    </>
  );
  if (!pick) return <div className="figure">{content}</div>;
  return (
    <button type="button" className="figure" aria-pressed={on} onClick={pick}>
      {content}
    </button>
  );
}

function NothingYet({ view }: { view: View }) {
  return (
    <p>
      No events in this range. Take another range, or{' '}
      <Link href={`/start${write({ ...view, filters: [] })}`}>paste the script into your page</Link>.
    </p>
  );
}
