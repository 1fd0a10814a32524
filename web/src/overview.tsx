import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { api, data } from './api.js';
import type { AppInfo } from './app.js';
import { SeriesChart } from './chart.js';
import { change, figure, full, moment } from './format.js';
import { Panel } from './panels.js';
import { Top } from './top.js';
import {
  type Asked,
  daysOf,
  type Filter,
  type FilterName,
  type Range,
  useView,
  type View,
  zoneOf,
} from './url-state.js';

const RANGE_NAMES: Record<Range, string> = {
  today: 'Today',
  '7d': '7 days',
  '30d': '30 days',
  '90d': '90 days',
  custom: 'Custom',
};
const ZONES = Intl.supportedValuesOf('timeZone');

export function Overview({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const [view, setView] = useView();
  const zone = zoneOf(view, apps, app);
  const days = daysOf(view, zone);
  const asked = { ...days, timezone: zone, ...(app ? { appId: app.id } : {}) };
  const filter = (name: FilterName, value: string) => setView({ filters: [...view.filters, { name, value }] });
  return (
    <>
      <h1 className="hidden">Overview</h1>
      <Controls view={view} zone={zone} set={setView} />
      <Chips filters={view.filters} set={(filters) => setView({ filters })} />
      <Figures asked={asked} view={view} zone={zone} />
      <div className="grid">
        <Top title="Events" by="event" asked={asked} view={view} pick={filter} toEvent />
        <Top title="Pages" by="url" asked={asked} view={view} pick={filter} />
        <Top title="Referrers" by="referrerHost" asked={asked} view={view} pick={filter} />
        <Top title="Devices" by="device" asked={asked} view={view} pick={filter} />
        <Top title="Browsers" by="browser" asked={asked} view={view} pick={filter} />
        <Top title="Campaign sources" by="utmSource" asked={asked} view={view} pick={filter} />
      </div>
    </>
  );
}

export function Controls({ view, zone, set }: { view: View; zone: string; set: (change: Partial<View>) => void }) {
  const { startDate, endDate } = daysOf(view, zone);
  return (
    <div className="controls" role="group" aria-label="What is shown">
      <div className="segments" role="group" aria-label="Range">
        {(Object.keys(RANGE_NAMES) as Range[]).map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={view.range === range}
            onClick={() => set({ range, ...(range === 'custom' ? { from: startDate, to: endDate } : {}) })}
          >
            {RANGE_NAMES[range]}
          </button>
        ))}
      </div>
      {view.range === 'custom' && (
        <>
          <label>
            From
            <input
              type="date"
              value={startDate}
              max={endDate}
              onChange={(event) => set({ from: event.target.value })}
            />
          </label>
          <label>
            To
            <input type="date" value={endDate} min={startDate} onChange={(event) => set({ to: event.target.value })} />
          </label>
        </>
      )}
      <label>
        Time zone
        <select value={zone} onChange={(event) => set({ zone: event.target.value })}>
          {[...new Set(['UTC', zone, ...ZONES])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={view.compare} onChange={(event) => set({ compare: event.target.checked })} />
        Compare with the time before
      </label>
    </div>
  );
}

function Chips({ filters, set }: { filters: readonly Filter[]; set: (filters: Filter[]) => void }) {
  if (filters.length === 0) return null;
  return (
    <ul className="chips" aria-label="Filters">
      {filters.map((filter, i) => (
        <li key={`${filter.name} ${filter.value}`}>
          {filter.name} is {filter.value}
          <button
            type="button"
            aria-label={`Remove the filter ${filter.name}`}
            onClick={() => set(filters.filter((_one, at) => at !== i))}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Figures({ asked, view, zone, event }: { asked: Asked; view: View; zone: string; event?: string }) {
  const [shown, setShown] = useState<'count' | 'uniqueUsers'>('count');
  const names =
    event !== undefined ? [event] : view.filters.filter(({ name }) => name === 'event').map(({ value }) => value);
  const oneDay = asked.startDate === asked.endDate;
  const query = {
    ...asked,
    interval: oneDay ? ('hour' as const) : ('day' as const),
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
        return (
          <>
            <div className="figures">
              <Figure
                name="Events"
                value={now.count}
                before={now.previous?.count}
                on={shown === 'count'}
                pick={() => setShown('count')}
              />
              <Figure
                name="Users"
                value={now.uniqueUsers}
                before={now.previous?.uniqueUsers}
                on={shown === 'uniqueUsers'}
                pick={() => setShown('uniqueUsers')}
              />
              <Figure name="Events per user" value={now.uniqueUsers ? now.count / now.uniqueUsers : 0} digits />
            </div>
            <SeriesChart series={found} figure={shown} />
            <p className="small muted">
              Days of {zone}. Complete up to {moment(found.asOf, zone)}.
              {view.filters.some(({ name }) => name !== 'event') &&
                ' Filters other than a single event apply to the tables below.'}
            </p>
            {now.count === 0 && <NothingYet />}
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
  on,
  pick,
  digits,
}: {
  name: string;
  value: number;
  before?: number;
  on?: boolean;
  pick?: () => void;
  digits?: boolean;
}) {
  const changed = before === undefined ? undefined : change(value, before);
  const shown = digits ? value.toFixed(1) : figure(value);
  const content: ReactNode = (
    <>
      <span className="name">{name}</span>
      <span className="value" title={digits ? undefined : full(value)} data-value={value}>
        {shown}
      </span>
      {changed && <span className={`change ${changed.direction}`}>{changed.text}</span>}
    </>
  );
  if (!pick) return <div className="figure">{content}</div>;
  return (
    <button type="button" className="figure" aria-pressed={on} onClick={pick}>
      {content}
    </button>
  );
}

function NothingYet() {
  return (
    <p>
      No events in this range. Take another range, or <Link href="/start">paste the script into your page</Link>.
    </p>
  );
}
