import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api, type AppInfo, data, type Person } from './api.js';
import { Confirm } from './confirm.js';
import { ZoneOptions } from './controls.js';
import { More, useCursorPages } from './cursor-pages.js';
import { EachApp } from './each-app.js';
import { useOrdered } from './erasures.js';
import { counted, full, HERE, moment, named } from './format.js';
import { Failure, Loading } from './panels.js';
import { Sessions } from './sessions.js';
import { useKept } from './sign-in-again.js';
import { DAY_MS } from './url-state.js';

export function Settings({ person, apps, app }: { person: Person; apps: AppInfo[]; app?: AppInfo }) {
  return (
    <>
      <h1>Settings</h1>
      <EachApp apps={app ? [app] : apps}>{(one) => <AppSettings key={one.id} app={one} />}</EachApp>
      <Sessions />
      <AuditLog apps={apps} />
      <Account person={person} apps={apps} />
    </>
  );
}

/** Events are counted by quarter-hours. */
const QUARTER_MS = 900_000;
const DAYS_MAX = 36_500;

/** Whether these settings would delete what the present ones keep. */
function takesAway(app: AppInfo, days: string, rollups: AppInfo['retentionRollups']): boolean {
  const n = Number(days);
  // What is no good number the form refuses.
  if (!Number.isInteger(n) || n < 1 || n > DAYS_MAX) return false;
  const isShorter = app.retentionDays === null || n < app.retentionDays;
  return isShorter || (rollups === 'drop' && app.retentionRollups === 'keep');
}

/** When the events occurred that fewer days would delete; those before the present bound have gone already. */
function expiring(app: AppInfo, days: number): { startDate?: string; endDate: string } {
  const daysAgo = (n: number) =>
    new Date(Math.floor((Date.now() - n * DAY_MS) / QUARTER_MS) * QUARTER_MS).toISOString();
  const before = app.retentionDays;
  return { endDate: daysAgo(days), ...(before !== null && before > days ? { startDate: daysAgo(before) } : {}) };
}

function AppSettings({ app }: { app: AppInfo }) {
  const queries = useQueryClient();
  const ordered = useOrdered();
  const [name, setName] = useKept(`settings:${app.id}:name`, app.name);
  const [timeZone, setTimeZone] = useKept(`settings:${app.id}:timeZone`, app.timeZone);
  const [days, setDays] = useKept(
    `settings:${app.id}:days`,
    app.retentionDays === null ? '' : String(app.retentionDays),
  );
  const [rollups, setRollups] = useKept(`settings:${app.id}:rollups`, app.retentionRollups);
  const [hosts, setHosts] = useKept(`settings:${app.id}:hosts`, app.hosts.join('\n'));
  const [ipMode, setIpMode] = useKept(`settings:${app.id}:ipMode`, app.ipMode);
  const save = useMutation({
    mutationFn: () => {
      const body = {
        name,
        timeZone,
        hosts: hosts.split(/[\s,]+/).filter(Boolean),
        retentionDays: days === '' ? null : Number(days),
        retentionRollups: rollups,
        ipMode,
      };
      return data(api.PATCH('/api/apps/{id}', { params: { path: { id: app.id } }, body }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ['apps'] }),
  });
  const loses = takesAway(app, days, rollups);
  const range = loses ? expiring(app, Number(days)) : {};
  const old = useQuery({
    queryKey: ['older events', app.id, app.retentionDays, days],
    queryFn: () => data(api.GET('/api/analytics/event-summary', { params: { query: { appId: app.id, ...range } } })),
    enabled: loses,
    // Another number's count would be a false one.
    placeholderData: undefined,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!loses) save.mutate();
  };
  return (
    <section className="panel">
      <h2>{app.name}</h2>
      <form onSubmit={submit} onChange={() => save.reset()}>
        <label>
          Name
          <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={200} />
        </label>
        <label>
          Time zone in which its days are counted
          <select value={timeZone} onChange={(event) => setTimeZone(event.target.value)}>
            <ZoneOptions zone={app.timeZone} />
          </select>
        </label>
        <label>
          Other hosts of this app, one per line (visits from there have no source)
          <textarea
            rows={2}
            value={hosts}
            onChange={(event) => setHosts(event.target.value)}
            placeholder="pay.example.com"
          />
        </label>
        <label>
          Days to keep events (leave empty to keep them for ever)
          <input type="number" min={1} max={DAYS_MAX} value={days} onChange={(event) => setDays(event.target.value)} />
        </label>
        <label>
          When events expire, their counts are
          <select value={rollups} onChange={(event) => setRollups(event.target.value as typeof rollups)}>
            <option value="keep">kept</option>
            <option value="drop">deleted too</option>
          </select>
        </label>
        <label>
          Addresses of connections are
          <select value={ipMode} onChange={(event) => setIpMode(event.target.value as typeof ipMode)}>
            <option value="truncated">kept without their last part</option>
            <option value="full">kept whole</option>
            <option value="none">not kept</option>
          </select>
        </label>
        {save.error && <Failure error={save.error} />}
        <div className="actions">
          {loses ? (
            <Confirm
              name={`settings:${app.id}:save`}
              open="Save settings"
              title="Delete what is older"
              action="Save and delete"
              run={() => save.mutateAsync()}
            >
              Of {app.name}, events older than {counted(Number(days), 'day')} are deleted
              {old.data && ` (${full(old.data.count)} now)`}
              {rollups === 'drop' ? ', and their counts with them' : '; their counts are kept'}. This cannot be undone.
            </Confirm>
          ) : (
            <button type="submit" disabled={save.isPending}>
              Save settings
            </button>
          )}
          {save.isSuccess && <span role="status">Saved</span>}
        </div>
      </form>
      <Confirm
        name={`settings:${app.id}:delete`}
        open="Delete app"
        title={`Delete ${app.name}`}
        action="Delete this app"
        word={app.name}
        run={async () => {
          ordered(app.name, await data(api.DELETE('/api/apps/{id}', { params: { path: { id: app.id } } })));
          await queries.invalidateQueries({ queryKey: ['apps'] });
        }}
      >
        Its keys are refused at once; all its events and their counts
        <AllCounted appId={app.id} /> are deleted. This cannot be undone.
      </Confirm>
    </section>
  );
}

/** How many events an app has; asked for when somebody is about to delete them. */
function AllCounted({ appId }: { appId: string }) {
  const all = useQuery({
    queryKey: ['all events', appId],
    queryFn: () => data(api.GET('/api/analytics/event-summary', { params: { query: { appId } } })),
  });
  return all.data && ` (${full(all.data.count)} counted)`;
}

function AuditLog({ apps }: { apps: AppInfo[] }) {
  const { query: log, rows } = useCursorPages(['audit'], (at) =>
    data(api.GET('/api/auth/audit-log', { params: { query: { limit: 20, ...at } } })),
  );
  const nameOf = (id: string | null) => (id === null ? '' : (apps.find((one) => one.id === id)?.name ?? id));
  return (
    <section className="panel">
      <h2>What was done in your account</h2>
      <Loading query={log} />
      {log.error && <Failure error={log.error} retry={() => void log.refetch()} />}
      <div className="scroll" tabIndex={0} role="region" aria-label="What was done">
        <table>
          <thead>
            <tr>
              <th scope="col">When ({HERE})</th>
              <th scope="col">What</th>
              <th scope="col">App</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((entry) => (
              <tr key={entry.id}>
                <th scope="row">{moment(entry.at, HERE)}</th>
                <td>{entry.action.replaceAll('_', ' ')}</td>
                <td>{nameOf(entry.appId)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More query={log} />
    </section>
  );
}

function Account({ person, apps }: { person: Person; apps: AppInfo[] }) {
  return (
    <section className="panel">
      <h2>Your account</h2>
      <p>Signed in as {person.email}.</p>
      <Confirm
        name="delete-account"
        open="Delete account"
        title="Delete your account"
        action="Delete my account"
        word={person.email}
        run={async () => {
          await api.DELETE('/api/auth/me');
          location.assign('/');
        }}
      >
        {apps.length > 0 ? `All your apps (${named(apps)}) go` : 'It goes'}, with their keys, events and counts, and you
        are signed out everywhere. This cannot be undone.
      </Confirm>
    </section>
  );
}
