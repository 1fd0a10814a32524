import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, data } from './api.js';
import type { AppInfo } from './app.js';
import { moment } from './format.js';
import { Chips, Controls, Download } from './controls.js';
import { Figures } from './overview.js';
import { Panel } from './panels.js';
import { Top } from './top.js';
import { daysOf, type Filter, userHref, useView, zoneOf } from './url-state.js';

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
  const asked = { ...daysOf(view, zone), timezone: zone, ...(app ? { appId: app.id } : {}) };
  const set = (filters: readonly Filter[]) => setView({ filters: [{ name: 'event', value: event }, ...filters] });
  const query = { ...asked, event: [event], limit: 20 };
  const newest = useQuery({
    queryKey: ['events', query],
    queryFn: () => data(api.GET('/api/analytics/events', { params: { query } })),
  });
  return (
    <>
      <h1>{event}</h1>
      <Controls view={view} zone={zone} set={setView} />
      <Chips filters={rest.filters} set={set} />
      <Figures asked={asked} view={rest} zone={zone} event={event} />
      <div className="grid">
        {DIMENSIONS.map(([by, title]) => (
          <Top
            key={by}
            title={title}
            by={by}
            asked={asked}
            view={rest}
            event={event}
            pick={(name, value) => set([...rest.filters, { name, value }])}
          />
        ))}
        <Panel
          title="Who did it last"
          query={newest}
          isEmpty={(found) => found.data.length === 0}
          empty={<p className="muted">Nothing in this range.</p>}
        >
          {(found) => (
            <table>
              <thead>
                <tr>
                  <th scope="col">When ({zone})</th>
                  <th scope="col">User</th>
                  <th scope="col">Device</th>
                </tr>
              </thead>
              <tbody>
                {found.data.map((one) => (
                  <tr key={one.id}>
                    <th scope="row">{moment(one.occurredAt, zone)}</th>
                    <td>
                      {one.userId ? (
                        <Link href={userHref(rest, one.userId)}>{one.userId}</Link>
                      ) : (
                        <span className="muted">no id</span>
                      )}
                    </td>
                    <td>{one.device}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Panel>
      </div>
      <Download asked={asked} view={rest} event={event} />
    </>
  );
}
