import { useMutation, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { api, type AppInfo, data, type Person, Problem, type Schemas } from './api.js';
import { Erasures } from './erasures.js';
import { EventPage } from './event-page.js';
import { FirstRun } from './first-run.js';
import { Ingest } from './ingest.js';
import { Keys } from './keys.js';
import { Live } from './live.js';
import { Overview } from './overview.js';
import { Failure } from './panels.js';
import { ServerNotice } from './server-notice.js';
import { Settings } from './settings.js';
import { SignedInAs } from './sign-in-again.js';
import { useView, write } from './url-state.js';
import { Users } from './users.js';

const PAGES = [
  ['/', 'Overview'],
  ['/users', 'Users'],
  ['/live', 'Live'],
  ['/keys', 'Keys'],
  ['/ingest', 'Ingest'],
  ['/settings', 'Settings'],
  ['/start', 'Set up'],
] as const;

/** What is of use to whoever has no app: operators, and people who leave. */
const WITHOUT_APP = new Set(['/start', '/settings', '/ingest']);

export function App() {
  const me = useQuery({ queryKey: ['me'], queryFn: () => data(api.GET('/api/auth/me')) });
  const apps = useQuery({
    queryKey: ['apps'],
    queryFn: () => data(api.GET('/api/apps')),
    enabled: me.data !== undefined,
  });
  const isSignedOut = me.error instanceof Problem && me.error.status === 401;
  return (
    <>
      {isSignedOut ? <SignIn /> : <Page me={me} apps={apps} />}
      <ServerNotice isSignedIn={!isSignedOut} />
    </>
  );
}

interface PageProps {
  me: UseQueryResult<Person>;
  apps: UseQueryResult<Schemas['AppListDto']>;
}

function Page({ me, apps }: PageProps) {
  // What is there stays, also when asking again fails for a while.
  if (me.error && !me.data) return <NotLoaded error={me.error} retry={() => void me.refetch()} />;
  if (apps.error && !apps.data) return <NotLoaded error={apps.error} retry={() => void apps.refetch()} />;
  if (!me.data || !apps.data) return <p className="loading muted">Loading …</p>;
  return (
    <SignedInAs person={me.data}>
      <SignedIn person={me.data} apps={apps.data.data} />
    </SignedInAs>
  );
}

/** Nothing can be shown: not even who is signed in is known. */
function NotLoaded({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <main className="sign-in">
      <h1>Tallystone</h1>
      <Failure error={error} retry={retry} />
    </main>
  );
}

function SignIn() {
  const next = location.pathname + location.search;
  return (
    <main className="sign-in">
      <h1>Tallystone</h1>
      <p>Event analytics that counts every event exactly once.</p>
      <a className="button" href={`/api/auth/google?next=${encodeURIComponent(next)}`}>
        Sign in with Google
      </a>
      <p className="muted">
        On the developer’s own machine a local stand-in signs you in. The API is at <a href="/api-docs">/api-docs</a>.
      </p>
    </main>
  );
}

function SignedIn({ person, apps }: { person: Person; apps: AppInfo[] }) {
  const [view] = useView();
  const [path] = useLocation();
  const asked = apps.find(({ id }) => id === view.app);
  const app = asked ?? (apps.length === 1 ? apps[0] : undefined);
  const isForeign = view.app !== undefined && !asked && path !== '/start';
  useEffect(() => {
    const page = PAGES.find(([to]) => to === path)?.[1] ?? (path === '/event' ? view.filters[0]?.value : undefined);
    document.title = [page, app?.name, 'Tallystone'].filter(Boolean).join(' · ');
  }, [path, app?.name, view.filters]);
  // By its own address: what it shows stays when the first app is there.
  if (apps.length === 0 && !WITHOUT_APP.has(path)) return <Redirect to="/start" replace />;
  return (
    <>
      <Bar person={person} apps={apps} />
      <main>
        <Erasures />
        {isForeign ? <NoSuchApp /> : <Pages person={person} apps={apps} app={app} />}
      </main>
    </>
  );
}

/** An app of somebody else, or one that is deleted: its numbers are not made up from others. */
function NoSuchApp() {
  return (
    <section className="panel">
      <h1>You have no such app</h1>
      <p>It was deleted, or belongs to somebody else: the link shows it to its owner alone.</p>
      <Link href="/">All your apps</Link>
    </section>
  );
}

function Pages({ person, apps, app }: { person: Person; apps: AppInfo[]; app?: AppInfo }) {
  const [{ app: asked }] = useView();
  return (
    <Switch>
      <Route path="/">
        <Overview apps={apps} app={app} />
      </Route>
      <Route path="/event">
        <EventPage apps={apps} app={app} />
      </Route>
      <Route path="/users">
        <Users apps={apps} app={app} />
      </Route>
      <Route path="/live">
        <Live app={app} />
      </Route>
      <Route path="/keys">
        <Keys apps={apps} app={app} />
      </Route>
      <Route path="/ingest">
        <Ingest person={person} apps={apps} app={app} />
      </Route>
      <Route path="/settings">
        <Settings person={person} apps={apps} app={app} />
      </Route>
      <Route path="/start">
        <FirstRun key={asked} apps={apps} app={app} />
      </Route>
      <Route>
        <section className="panel">
          <h1>There is no such page</h1>
          <Link href="/">Go to the overview</Link>
        </section>
      </Route>
    </Switch>
  );
}

function Bar({ person, apps }: { person: Person; apps: AppInfo[] }) {
  const [view, change] = useView();
  const [path] = useLocation();
  const signOut = useMutation({
    mutationFn: () => api.POST('/api/auth/logout', { body: {} }),
    onSuccess: () => location.assign('/'),
  });
  return (
    <header className="top">
      <Link href="/" className="brand">
        Tallystone
      </Link>
      <select
        aria-label="App"
        value={view.app ?? ''}
        onChange={(event) => change({ app: event.target.value || undefined })}
      >
        <option value="">{apps.length === 1 ? apps[0]!.name : apps.length === 0 ? 'No app yet' : 'All apps'}</option>
        {apps.length > 1 &&
          apps.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
      </select>
      <nav aria-label="Pages">
        {PAGES.map(([to, name]) => (
          <Link
            key={to}
            href={`${to}${write({ ...view, filters: [], user: undefined, search: undefined })}`}
            aria-current={path === to ? 'page' : undefined}
          >
            {name}
          </Link>
        ))}
        <a href="/api-docs">API</a>
      </nav>
      <span className="who muted">{person.email}</span>
      <button type="button" className="quiet" onClick={() => signOut.mutate()}>
        Sign out
      </button>
      {signOut.error && <Failure error={signOut.error} retry={() => signOut.mutate()} />}
    </header>
  );
}
