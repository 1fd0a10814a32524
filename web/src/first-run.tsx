import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { Link } from 'wouter';
import { scriptAddress } from './addresses.js';
import { api, type AppInfo, data, type Schemas } from './api.js';
import { HERE, moment } from './format.js';
import { Copyable, Failure } from './panels.js';
import { write } from './url-state.js';

interface Made {
  app: AppInfo;
  apiKey: string;
  /** Registered just now. */
  isNew: boolean;
}

/** Register an app, take its key, paste it, and see the first event come. */
export function FirstRun({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<Made>();
  const [name, setName] = useState('');
  const register = useMutation({
    mutationFn: () => data(api.POST('/api/apps', { body: { name, platform: 'web', timeZone: HERE } })),
    onSuccess: (registered) => {
      setMade({ ...registered, isNew: true });
      void queries.invalidateQueries({ queryKey: ['apps'] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    register.mutate();
  };
  return (
    <div className="narrow">
      <h1>{apps.length === 0 ? 'Count your first event' : 'Set up an app'}</h1>
      {!made && (
        <form onSubmit={submit} className="panel">
          <h2>Register an app</h2>
          <label>
            Name
            <input
              value={name}
              onChange={(event) => setName(event.target.value)}
              required
              maxLength={200}
              placeholder="My site"
            />
          </label>
          <p className="muted">Its days are counted in {HERE}. You can change that later.</p>
          {register.error && <Failure error={register.error} />}
          <button type="submit" disabled={register.isPending}>
            Register app
          </button>
        </form>
      )}
      {!made && apps.length > 0 && (
        <Existing apps={apps} first={app} use={(one) => setMade({ ...one, isNew: false })} />
      )}
      {made && (
        <>
          <Snippets {...made} />
          <button type="button" onClick={() => setMade(undefined)}>
            Set up another app
          </button>
        </>
      )}
    </div>
  );
}

/** One that may be shown, works, and may be used from anywhere, a terminal too. */
function isForSnippets({ revokedAt, expiresAt, scopes, allowedOrigins }: Schemas['KeyDto']): boolean {
  const isGood = revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
  return isGood && scopes.join() === 'write' && allowedOrigins.length === 0;
}

/** An app that is there already: its first key that may be shown again. */
function Existing({
  apps,
  first,
  use,
}: {
  apps: AppInfo[];
  first?: AppInfo;
  use: (made: { app: AppInfo; apiKey: string }) => void;
}) {
  const [id, setId] = useState((first ?? apps[0]!).id);
  const reveal = useMutation({
    mutationFn: async () => {
      const { keys } = await data(api.GET('/api/auth/api-key', { params: { query: { appId: id } } }));
      const key = keys.find(isForSnippets);
      if (!key) return data(api.POST('/api/auth/api-key', { body: { appId: id, name: 'Web page' } }));
      return data(api.POST('/api/auth/api-key/reveal', { body: { keyId: key.keyId } }));
    },
    onSuccess: ({ apiKey }) => use({ app: apps.find((app) => app.id === id)!, apiKey }),
  });
  return (
    <section className="panel">
      <h2>Or show the snippets of one that is there</h2>
      <label>
        App
        <select value={id} onChange={(event) => setId(event.target.value)}>
          {apps.map((app) => (
            <option key={app.id} value={app.id}>
              {app.name}
            </option>
          ))}
        </select>
      </label>
      {reveal.error && <Failure error={reveal.error} />}
      <button type="button" onClick={() => reveal.mutate()} disabled={reveal.isPending}>
        Show snippets
      </button>
    </section>
  );
}

function Snippets({ app, apiKey, isNew }: Made) {
  const { origin } = location;
  const tag = `<script defer src="${scriptAddress()}" data-key="${apiKey}"></script>`;
  const curl = `curl ${origin}/api/analytics/collect -H 'x-api-key: ${apiKey}' -H 'content-type: application/json' -d '{"event": "first_event"}'`;
  const node = `await fetch('${origin}/api/analytics/collect', {
  method: 'POST',
  headers: { 'x-api-key': '${apiKey}', 'content-type': 'application/json' },
  body: JSON.stringify({ event: 'first_event', userId: 'user-1' }),
});`;
  const mail = `Hello,

please send the events of “${app.name}” to ${origin}/api/analytics/collect with this key: ${apiKey}

To try it:

${curl}

All that an event may hold is at ${origin}/api-docs`;
  return (
    <>
      <section className="panel">
        <h2>The key of {app.name}</h2>
        <Copyable text={apiKey} label="the key" />
        <p className="muted">
          It can post events and nothing else, so it may sit in a web page. You can see it again under Keys.
        </p>
      </section>
      <section className="panel">
        <h2>Paste this into your page</h2>
        <Copyable text={tag} label="the script tag" block />
        <h2>Or post from a terminal</h2>
        <Copyable text={curl} label="the curl command" block />
        <h2>Or from Node</h2>
        <Copyable text={node} label="the code for Node" block />
        <h2>For a colleague</h2>
        <Copyable text={mail} label="the mail to a colleague" block />
      </section>
      <FirstEvent app={app} isNew={isNew} />
    </>
  );
}

function FirstEvent({ app, isNew }: { app: AppInfo; isNew: boolean }) {
  const [found, setFound] = useState(false);
  const events = useQuery({
    queryKey: ['first', app.id],
    queryFn: () => data(api.GET('/api/analytics/events', { params: { query: { appId: app.id, limit: 1 } } })),
    refetchInterval: found ? false : 1000,
  });
  const first = events.data?.data[0];
  useEffect(() => setFound(first !== undefined), [first]);
  return (
    <section className="panel" aria-live="polite" data-testid="first-event">
      <h2>{!first ? 'Waiting for your first event …' : isNew ? 'Your first event is here' : 'The newest event'}</h2>
      {events.error && <Failure error={events.error} retry={() => void events.refetch()} />}
      {first ? (
        <p>
          <strong>{first.event}</strong> at {moment(first.occurredAt, app.timeZone)} ({app.timeZone}).{' '}
          <Link href={`/${write({ app: app.id, range: '30d', compare: true, filters: [] })}`}>Go to the overview</Link>
        </p>
      ) : (
        <p className="muted">It shows here about a second after it was posted.</p>
      )}
    </section>
  );
}
