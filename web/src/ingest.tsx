import { useMutation, useQueries, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, data, Problem } from './api.js';
import type { AppInfo, Person } from './app.js';
import { since } from './format.js';
import { Installation, Running } from './installation.js';
import { Failure } from './panels.js';

/** How the ingest is, what could not be stored, and whether an event arrived. */
export function Ingest({ person, apps, app }: { person: Person; apps: AppInfo[]; app?: AppInfo }) {
  return (
    <>
      <h1>Ingest</h1>
      <Running />
      {person.operator && <Installation />}
      <Receipt />
      <DeadLetters apps={app ? [app] : apps} />
    </>
  );
}

function Receipt() {
  const [id, setId] = useState('');
  const ask = useMutation({
    mutationFn: () => data(api.GET('/api/analytics/events/{id}/receipt', { params: { path: { id: id.trim() } } })),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <section className="panel">
      <h2>Did my event arrive?</h2>
      <form onSubmit={submit} className="inline">
        <label>
          The id in the answer to your post
          <input value={id} onChange={(event) => setId(event.target.value)} required />
        </label>
        <button type="submit">Ask</button>
      </form>
      <div aria-live="polite">
        {ask.error instanceof Problem && ask.error.status === 404 ? (
          <p>No: no event was accepted under this id.</p>
        ) : (
          ask.error && <Failure error={ask.error} />
        )}
        {ask.data?.status === 'stored' && (
          <p>Yes: stored{ask.data.storedAt ? ` ${since(ask.data.storedAt)}` : ''}, and counted.</p>
        )}
        {ask.data?.status === 'dead_letter' && <p>It arrived and could not be stored: {ask.data.reason}</p>}
        {ask.data?.status === 'unknown' && <p>It may be on its way. Ask again in a moment.</p>}
      </div>
    </section>
  );
}

function DeadLetters({ apps }: { apps: AppInfo[] }) {
  const queries = useQueryClient();
  const lists = useQueries({
    queries: apps.map(({ id }) => ({
      queryKey: ['dead-letters', id],
      queryFn: () => data(api.GET('/api/apps/{id}/dead-letters', { params: { path: { id }, query: { limit: 50 } } })),
    })),
  });
  const replay = useMutation({
    mutationFn: (id: string) =>
      data(api.POST('/api/apps/{id}/dead-letters/replay', { params: { path: { id } }, body: {} })),
    onSuccess: (_done, id) => queries.invalidateQueries({ queryKey: ['dead-letters', id] }),
  });
  const failed = lists.find(({ error }) => error);
  const none = lists.every(({ data: found }) => found?.data.length === 0);
  return (
    <section className="panel">
      <h2>What could not be stored</h2>
      {failed?.error && <Failure error={failed.error} retry={() => void failed.refetch()} />}
      {replay.error && <Failure error={replay.error} />}
      {replay.data && <p role="status">{replay.data.replayed} are tried again.</p>}
      {none && <p className="muted">Nothing: every event that was accepted is stored.</p>}
      {apps.map(
        (app, i) =>
          lists[i]!.data &&
          lists[i]!.data.data.length > 0 && (
            <div
              key={app.id}
              className="scroll"
              tabIndex={0}
              role="region"
              aria-label={`What could not be stored of ${app.name}`}
            >
              <h3>{app.name}</h3>
              <table>
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Event</th>
                    <th scope="col">Why</th>
                    <th scope="col">Payload</th>
                  </tr>
                </thead>
                <tbody>
                  {lists[i]!.data.data.map((letter) => (
                    <tr key={letter.id}>
                      <th scope="row">{since(letter.createdAt)}</th>
                      <td>{letter.event ?? <span className="muted">unreadable</span>}</td>
                      <td>
                        <code>{letter.code}</code> {letter.reason}
                      </td>
                      <td>
                        <details>
                          <summary>Show</summary>
                          <pre>{letter.entry}</pre>
                        </details>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <button type="button" onClick={() => replay.mutate(app.id)} disabled={replay.isPending}>
                Try all again
              </button>
            </div>
          ),
      )}
    </section>
  );
}
