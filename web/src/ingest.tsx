import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Accounts } from './accounts.js';
import { api, type AppInfo, data, type Person, Problem } from './api.js';
import { DeadLetters } from './dead-letters.js';
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
      {person.operator && <Accounts person={person} />}
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
          <p>{ask.error.message}</p>
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
