import { useMutation, useQueries, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, data, type Schemas } from './api.js';
import type { AppInfo } from './app.js';
import { Confirm } from './confirm.js';
import { day, since } from './format.js';
import { Copyable, Failure } from './panels.js';
import { useSorted } from './sort.js';

type Key = Schemas['KeyDto'];
type Scope = 'write' | 'read';

/** Keys of one app, or of all. */
export function Keys({ apps, app }: { apps: AppInfo[]; app?: AppInfo }) {
  const shown = app ? [app] : apps;
  const lists = useQueries({
    queries: shown.map(({ id }) => ({
      queryKey: ['keys', id],
      queryFn: () => data(api.GET('/api/auth/api-key', { params: { query: { appId: id } } })),
    })),
  });
  const failed = lists.find(({ error }) => error);
  return (
    <>
      <h1>Keys</h1>
      {failed?.error && <Failure error={failed.error} retry={() => void failed.refetch()} />}
      {shown.map((one, i) => (
        <section key={one.id} className="panel">
          <h2>{one.name}</h2>
          <KeyTable keys={lists[i]!.data?.keys ?? []} appId={one.id} />
          <CreateKey appId={one.id} />
        </section>
      ))}
    </>
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
  const [issued, setIssued] = useState<string>();
  const again = () => queries.invalidateQueries({ queryKey: ['keys', appId] });
  const reveal = useMutation({
    mutationFn: () => data(api.POST('/api/auth/api-key/reveal', { body: { keyId: key.keyId } })),
    onSuccess: ({ apiKey }) => setIssued(apiKey),
  });
  const rotate = useMutation({
    mutationFn: () => data(api.POST('/api/auth/regenerate', { body: { keyId: key.keyId, overlapSeconds: 86_400 } })),
    onSuccess: ({ apiKey }) => {
      setIssued(apiKey);
      void again();
    },
  });
  const over = key.revokedAt !== null && Date.parse(key.revokedAt) <= Date.now();
  const failure = reveal.error ?? rotate.error;
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
            `${over ? 'revoked' : 'ends'} ${since(key.revokedAt)}`
          ) : key.expiresAt ? (
            day(key.expiresAt)
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
              <button type="button" className="quiet" onClick={() => rotate.mutate()}>
                Rotate
              </button>
              <Confirm
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
      {(issued || failure) && (
        <tr>
          <td colSpan={6}>
            {failure && <Failure error={failure} />}
            {issued && (
              <>
                {key.scopes.includes('read') && <p>Shown once: copy it now. The old key works for another day.</p>}
                <Copyable text={issued} label="the key" />
              </>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function CreateKey({ appId }: { appId: string }) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<'write' | 'read' | 'both'>('write');
  const [origins, setOrigins] = useState('');
  const [expires, setExpires] = useState('');
  const create = useMutation({
    mutationFn: () => {
      const scopes: Scope[] = scope === 'both' ? ['read', 'write'] : [scope];
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
    create.mutate();
  };
  return (
    <details>
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
          {scope !== 'write' && <p>Shown once: copy it now.</p>}
          <Copyable text={create.data.apiKey} label="the new key" />
        </>
      )}
    </details>
  );
}
