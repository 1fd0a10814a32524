import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, type AppInfo, data, type Schemas } from './api.js';
import { Confirm } from './confirm.js';
import { More, useCursorPages } from './cursor-pages.js';
import { useOrdered } from './erasures.js';
import { counted, full, moment, named, since } from './format.js';
import { DownloadLink, Failure, Loading } from './panels.js';
import { useSorted } from './sort.js';
import { userHref, useView, type View, write, zoneOf } from './url-state.js';

/** Who was there last, or one person's timeline. */
export function Users({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const [{ user }] = useView();
  return user === undefined ? <List app={app} /> : <Timeline key={user} userId={user} apps={apps} app={app} />;
}

/** A search is asked for when nobody has typed for so long. */
const TYPING_MS = 400;

function List({ app }: { app?: AppInfo }) {
  const [view, setView] = useView();
  const { search } = view;
  const [typed, setTyped] = useState(search ?? '');
  // Back and forward change it too.
  useEffect(() => setTyped(search ?? ''), [search]);
  useEffect(() => {
    if (typed === (search ?? '')) return undefined;
    const timer = setTimeout(() => setView({ search: typed || undefined }, { replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, search, setView]);
  const query = { limit: 50, ...(search ? { search } : {}), ...(app ? { appId: app.id } : {}) };
  const { query: users, rows } = useCursorPages(['users', query], (at) =>
    data(api.GET('/api/analytics/users', { params: { query: { ...query, ...at } } })),
  );
  return (
    <section className="panel">
      <header className="panel-head">
        <h1>Users</h1>
        <input
          type="search"
          aria-label="Part of a user id"
          placeholder="Part of a user id"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </header>
      {users.error && <Failure error={users.error} retry={() => void users.refetch()} />}
      <Loading query={users} />
      {users.data && rows.length === 0 && !users.hasNextPage && (
        <p className="muted">
          {search ? 'No user id holds this text.' : 'Nobody yet: send userId or anonymousId with your events.'}
        </p>
      )}
      <div className="scroll" tabIndex={0} role="region" aria-label="Users">
        <UserTable rows={rows} view={view} />
      </div>
      <More query={users} />
    </section>
  );
}

type Row = Schemas['ListedUserDto'];

const BY = {
  userId: (row: Row) => row.userId,
  kind: (row: Row) => row.kind,
  totalEvents: (row: Row) => row.totalEvents,
  lastSeen: (row: Row) => row.lastSeen,
  device: (row: Row) => row.device,
};

function UserTable({ rows, view }: { rows: readonly Row[]; view: View }) {
  const { sorted, head } = useSorted(rows, BY);
  return (
    <table>
      <thead>
        <tr>
          {head('userId', 'User')}
          {head('kind', 'Kind')}
          {head('totalEvents', 'Events')}
          {head('lastSeen', 'Last seen')}
          {head('device', 'Device')}
        </tr>
      </thead>
      <tbody>
        {sorted.map((row) => (
          <tr key={`${row.kind} ${row.userId}`}>
            <th scope="row">
              <Link href={userHref(view, row.userId)}>{row.userId}</Link>
            </th>
            <td>{row.kind}</td>
            <td className="number">{full(row.totalEvents)}</td>
            <td title={row.lastSeen}>{since(row.lastSeen)}</td>
            <td>{[row.device, row.browser, row.os].filter(Boolean).join(' · ')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Timeline({ userId, apps, app }: { userId: string; apps: AppInfo[]; app?: AppInfo }) {
  const [view] = useView();
  const zone = zoneOf(view, apps, app);
  const query = { userId, limit: 50, ...(app ? { appId: app.id } : {}) };
  const { query: events, rows } = useCursorPages(['timeline', query], (at) =>
    data(api.GET('/api/analytics/users/timeline', { params: { query: { ...query, ...at } } })),
  );
  const stats = useQuery({
    queryKey: ['user-stats', query],
    queryFn: () =>
      data(api.GET('/api/analytics/user-stats', { params: { query: { userId, ...(app ? { appId: app.id } : {}) } } })),
  });
  const devices = events.data?.pages[0]?.devices ?? [];
  const nameOf = (id: string) => apps.find((one) => one.id === id)?.name ?? id;
  return (
    <>
      <p>
        <Link href={`/users${write({ ...view, user: undefined })}`}>All users</Link>
      </p>
      <section className="panel">
        <header className="panel-head">
          <h1>{userId}</h1>
          <Privacy userId={userId} apps={app ? [app] : apps} events={stats.data?.totalEvents} />
        </header>
        {stats.error && <Failure error={stats.error} retry={() => void stats.refetch()} />}
        {stats.data && (
          <p>
            <strong>{counted(stats.data.totalEvents, 'event')}</strong>
            {stats.data.firstSeen &&
              `, first seen ${moment(stats.data.firstSeen, zone)}, last seen ${moment(stats.data.lastSeen!, zone)} (${zone})`}
          </p>
        )}
        {devices.length > 0 && (
          <ul className="plain">
            {devices.map((device) => (
              <li key={JSON.stringify([device.device, device.browser, device.os])}>
                {[device.device, device.browser, device.os].filter(Boolean).join(' · ')}:{' '}
                {counted(device.count, 'event')}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section className="panel">
        <h2>What they did</h2>
        {events.error && <Failure error={events.error} retry={() => void events.refetch()} />}
        <Loading query={events} />
        {events.data && rows.length === 0 && <p className="muted">Nothing is kept of this user.</p>}
        <ol className="timeline">
          {rows.map((row) => (
            <li key={row.id}>
              <time dateTime={row.occurredAt}>{moment(row.occurredAt, zone)}</time> <strong>{row.event}</strong>{' '}
              <span className="muted">
                {[apps.length > 1 ? nameOf(row.appId) : null, row.url, row.device, row.browser]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </li>
          ))}
        </ol>
        <More query={events} />
      </section>
    </>
  );
}

function Privacy({ userId, apps, events }: { userId: string; apps: AppInfo[]; events?: number }) {
  const [, navigate] = useLocation();
  const ordered = useOrdered();
  const erase = useMutation({
    mutationFn: async () => {
      for (const { id, name } of apps) {
        const path = { id, userId };
        const order = await data(api.DELETE('/api/apps/{id}/users/{userId}', { params: { path } }));
        ordered(apps.length > 1 ? `${userId} in ${name}` : userId, order);
      }
    },
    onSuccess: () => navigate('/users'),
  });
  return (
    <span className="actions">
      <Export userId={userId} apps={apps} />
      <Confirm
        name={`erase:${userId}`}
        open="Erase"
        title={`Erase ${userId}`}
        action="Erase this user"
        word={userId}
        run={() => erase.mutateAsync()}
      >
        All that is kept of this id goes, whichever kind of id it is
        {events !== undefined && `, at least ${counted(events, 'event')}`}, and its place in every count, in{' '}
        {named(apps)}. This cannot be undone.
      </Confirm>
    </span>
  );
}

/** What an app holds of a user, as a file. */
function Export({ userId, apps }: { userId: string; apps: AppInfo[] }) {
  const [id, setId] = useState(apps[0]?.id);
  if (id === undefined) return null;
  return (
    <>
      {apps.length > 1 && (
        <select aria-label="App to export from" value={id} onChange={(event) => setId(event.target.value)}>
          {apps.map((app) => (
            <option key={app.id} value={app.id}>
              {app.name}
            </option>
          ))}
        </select>
      )}
      <DownloadLink className="button quiet" href={`/api/apps/${id}/users/${encodeURIComponent(userId)}`}>
        Export
      </DownloadLink>
    </>
  );
}
