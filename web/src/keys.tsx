import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, type AppInfo, data, type Schemas } from './api.js';
import { Confirm } from './confirm.js';
import { More, useCursorPages } from './cursor-pages.js';
import { EachApp } from './each-app.js';
import { moment, since } from './format.js';
import { Copyable, Failure, Loading } from './panels.js';
import { useKept } from './sign-in-again.js';
import { useSorted } from './sort.js';

type Key = Schemas['KeyDto'];
type Scope = 'write' | 'read';

/** Keys of one app, or of all. */
export function Keys({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  return (
    <>
      <h1>Keys</h1>
      <EachApp apps={app ? [app] : apps}>{(one) => <OfApp key={one.id} app={one} />}</EachApp>
    </>
  );
}

function OfApp({ app }: { app: AppInfo }) {
  const { query: keys, rows } = useCursorPages(['keys', app.id], async (at) => {
    const query = { appId: app.id, limit: 50, ...at };
    const page = await data(api.GET('/api/auth/api-key', { params: { query } }));
    return { data: page.keys, nextCursor: page.nextCursor };
  });
  return (
    <section className="panel">
      <h2>{app.name}</h2>
      <Loading query={keys} />
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      {keys.data && <KeyTable keys={rows} appId={app.id} />}
      {keys.hasNextPage && (
        <p className="actions">
          <More query={keys} />
          <span className="muted">The newest keys are shown.</span>
        </p>
      )}
      <CreateKey appId={app.id} />
    </section>
  );
}

const BY = {
  name: (key: Key) => key.name,
  last4: (key: Key) => key.last4,
  scopes: (key: Key) => key.scopes.join(),
  lastUsedAt: (key: Key) => key.lastUsedAt,
  expiresAt: (key: Key) => key.revokedAt ?? key.expiresAt,
};

function KeyTable({ keys, appId }: { keys: Key[]; appId: string }) {
  const { sorted, head } = useSorted(keys, BY);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Keys">
      <table>
        <thead>
          <tr>
            {head('name', 'Name')}
            {head('last4', 'Ends with')}
            {head('scopes', 'May')}
            {head('lastUsedAt', 'Last used')}
            {head('expiresAt', 'Expires')}
            <th scope="col">
              <span className="hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((key) => (
            <KeyRow key={key.keyId} apiKey={key} appId={appId} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KeyRow({ apiKey: key, appId }: { apiKey: Key; appId: string }) {
  const queries = useQueryClient();
  const [issued, setIssued] = useState<{ apiKey: string; says: string }>();
  const again = () => queries.invalidateQueries({ queryKey: ['keys', appId] });
  const reveal = useMutation({
    mutationFn: () => data(api.POST('/api/auth/api-key/reveal', { body: { keyId: key.keyId } })),
    onSuccess: ({ apiKey }) => setIssued({ apiKey, says: 'The key:' }),
  });
  const isExpired = key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now();
  const isRevoked = key.revokedAt !== null && Date.parse(key.revokedAt) <= Date.now();
  const over = isExpired || isRevoked;
  return (
    <>
      <tr className={over ? 'over' : undefined}>
        <th scope="row">{key.name ?? 'Key'}</th>
        <td>
          <code>…{key.last4}</code>
        </td>
        <td>
          {key.scopes.join(', ')}
          {key.allowedOrigins?.length ? <span className="muted"> from {key.allowedOrigins.join(', ')}</span> : null}
        </td>
        <td>{key.lastUsedAt ? since(key.lastUsedAt) : <span className="muted">never</span>}</td>
        <td>
          {key.revokedAt ? (
            `${isRevoked ? 'revoked' : 'ends'} ${since(key.revokedAt)}`
          ) : key.expiresAt ? (
            `${isExpired ? 'expired ' : ''}${moment(key.expiresAt, 'UTC')} UTC`
          ) : (
            <span className="muted">never</span>
          )}
          {key.notice && !over && !key.revokedAt && (
            <strong className="warning"> Soon, {since(key.expiresAt!)}: rotate it</strong>
          )}
        </td>
        <td className="actions">
          {!over && (
            <>
              {!key.scopes.includes('read') && (
                <button type="button" className="quiet" onClick={() => reveal.mutate()}>
                  Show
                </button>
              )}
              <Rotate
                apiKey={key}
                done={(apiKey, says) => {
                  setIssued({ apiKey, says });
                  void again();
                }}
              />
              <Confirm
                name={`revoke:${key.keyId}`}
                open="Revoke"
                title={`Revoke ${key.name ?? 'this key'}`}
                action="Revoke key"
                run={async () => {
                  await data(api.POST('/api/auth/revoke', { body: { keyId: key.keyId } }));
                  await again();
                }}
              >
                Everything that uses the key ending in {key.last4} is refused from now on.
              </Confirm>
            </>
          )}
        </td>
      </tr>
      {(issued || reveal.error) && (
        <tr>
          <td colSpan={6}>
            {reveal.error && <Failure error={reveal.error} />}
            {issued && (
              <>
                <p role="status">{issued.says}</p>
                <Copyable text={issued.apiKey} label="the key" />
              </>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

const OVERLAPS = [
  [0, 'at once'],
  [3600, 'in an hour'],
  [86_400, 'in a day'],
  [7 * 86_400, 'in a week'],
] as const;
const USUAL_OVERLAP = 86_400;

/** A new key for an old one, which works on for a while. */
function Rotate({ apiKey: key, done }: { apiKey: Key; done: (apiKey: string, says: string) => void }) {
  const [overlapSeconds, setOverlap] = useKept<number>(`rotate:${key.keyId}:overlap`, USUAL_OVERLAP);
  const run = async () => {
    const { apiKey } = await data(api.POST('/api/auth/regenerate', { body: { keyId: key.keyId, overlapSeconds } }));
    const ends = OVERLAPS.find(([seconds]) => seconds === overlapSeconds)![1];
    const once = key.scopes.includes('read') ? ' It is shown once: copy it now.' : '';
    done(apiKey, `The new key. The old one, which ends in ${key.last4}, is refused ${ends}.${once}`);
  };
  return (
    <Confirm
      quiet
      name={`rotate:${key.keyId}`}
      open="Rotate"
      title={`Rotate ${key.name ?? 'this key'}`}
      action="Make a new key"
      run={run}
    >
      <p>Whatever uses the key ending in {key.last4}, pages too, needs the new one before the old one is refused.</p>
      <label>
        The old key is refused
        <select value={overlapSeconds} onChange={(event) => setOverlap(Number(event.target.value))}>
          {OVERLAPS.map(([seconds, name]) => (
            <option key={seconds} value={seconds}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </Confirm>
  );
}

function CreateKey({ appId }: { appId: string }) {
  const queries = useQueryClient();
  const [isOpen, setOpen] = useKept(`create-key:${appId}:open`, false);
  const [name, setName] = useKept(`create-key:${appId}:name`, '');
  const [scope, setScope] = useKept<'write' | 'read' | 'both'>(`create-key:${appId}:scope`, 'write');
  const [origins, setOrigins] = useKept(`create-key:${appId}:origins`, '');
  const [expires, setExpires] = useKept(`create-key:${appId}:expires`, '');
  const create = useMutation({
    mutationFn: (scopes: Scope[]) => {
      const allowedOrigins = origins.split(/[\s,]+/).filter(Boolean);
      const body = {
        ...{ appId, name, scopes },
        ...(allowedOrigins.length > 0 ? { allowedOrigins } : {}),
        ...(expires ? { expiresAt: `${expires}T23:59:59Z` } : {}),
      };
      return data(api.POST('/api/auth/api-key', { body }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys', appId] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(scope === 'both' ? ['read', 'write'] : [scope]);
  };
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Create a key</summary>
      <form onSubmit={submit}>
        <label>
          Name
          <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={200} />
        </label>
        <label>
          It may
          <select value={scope} onChange={(event) => setScope(event.target.value as typeof scope)}>
            <option value="write">post events</option>
            <option value="read">read numbers</option>
            <option value="both">post events and read numbers</option>
          </select>
        </label>
        <label>
          Only from these origins
          <input
            value={origins}
            onChange={(event) => setOrigins(event.target.value)}
            placeholder="https://shop.example.com"
          />
        </label>
        <label>
          Expires at the end of (UTC)
          <input type="date" value={expires} onChange={(event) => setExpires(event.target.value)} />
        </label>
        {create.error && <Failure error={create.error} />}
        <button type="submit" disabled={create.isPending}>
          Create key
        </button>
      </form>
      {create.data && (
        <>
          {create.variables.includes('read') && <p>Shown once: copy it now.</p>}
          <Copyable text={create.data.apiKey} label="the new key" />
        </>
      )}
    </details>
  );
}
