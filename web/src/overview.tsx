import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { api, data } from './api.js';
import type { AppInfo } from './app.js';
import { SeriesChart } from './chart.js';
import { Chips, Controls, Download } from './controls.js';
import { change, figure, full, moment, tenths } from './format.js';
import { Panel } from './panels.js';
import { Top } from './top.js';
import { type Asked, daysOf, type FilterName, useView, type View, zoneOf } from './url-state.js';

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
      <Download asked={asked} view={view} />
    </>
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
  const shown = digits ? tenths(value) : figure(value);
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
