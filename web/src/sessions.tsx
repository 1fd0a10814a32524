import { useQueryClient } from '@tanstack/react-query';
import { api, data, type Schemas } from './api.js';
import { Confirm } from './confirm.js';
import { More, useCursorPages } from './cursor-pages.js';
import { HERE, moment, since } from './format.js';
import { Failure, Loading } from './panels.js';

type Session = Schemas['SessionDto'];

/** Where a person is signed in, and how to end that. */
export function Sessions() {
  const { query: sessions, rows } = useCursorPages(['sessions'], (at) =>
    data(api.GET('/api/auth/sessions', { params: { query: { limit: 20, ...at } } })),
  );
  const endAll = async () => {
    await api.DELETE('/api/auth/sessions');
    location.assign('/');
  };
  return (
    <section className="panel">
      <h2>Where you are signed in</h2>
      <Loading query={sessions} />
      {sessions.error && <Failure error={sessions.error} retry={() => void sessions.refetch()} />}
      <div className="scroll" tabIndex={0} role="region" aria-label="Sessions">
        <table>
          <thead>
            <tr>
              <th scope="col">Browser or program</th>
              <th scope="col">Signed in ({HERE})</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span className="hidden">What to do</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((session) => (
              <SessionRow key={session.id} session={session} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="actions">
        <More query={sessions} />
        <Confirm
          name="end-sessions"
          open="Sign out everywhere"
          title="Sign out everywhere"
          action="End all sessions"
          run={endAll}
        >
          Every session of yours ends, this one too. API keys go on working.
        </Confirm>
      </p>
    </section>
  );
}

function SessionRow({ session }: { session: Session }) {
  const { id, browser, os, createdAt, lastUsedAt, current } = session;
  const queries = useQueryClient();
  const what = [browser ?? 'A program', os].filter(Boolean).join(' on ');
  const end = async () => {
    await api.DELETE('/api/auth/sessions/{id}', { params: { path: { id } } });
    await queries.invalidateQueries({ queryKey: ['sessions'] });
  };
  return (
    <tr>
      <th scope="row">{what}</th>
      <td>{moment(createdAt, HERE)}</td>
      <td>{since(lastUsedAt)}</td>
      <td>
        {current ? (
          <span className="muted">This one</span>
        ) : (
          <Confirm quiet name={`end-session:${id}`} open="End" title={`End ${what}`} action="End session" run={end}>
            It was signed in {since(createdAt)} and has to sign in again.
          </Confirm>
        )}
      </td>
    </tr>
  );
}
