import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type AppInfo, data, type Schemas } from './api.js';
import { More, useCursorPages } from './cursor-pages.js';
import { EachApp } from './each-app.js';
import { counted, since } from './format.js';
import { Failure, Loading } from './panels.js';

type Letter = Schemas['DeadLetterDto'];

/** What was accepted and could not be stored, app by app. */
export function DeadLetters({ apps }: { apps: AppInfo[] }) {
  return (
    <section className="panel">
      <h2>What could not be stored</h2>
      <EachApp apps={apps}>{(app) => <OfApp key={app.id} app={app} isAlone={apps.length === 1} />}</EachApp>
    </section>
  );
}

function OfApp({ app, isAlone }: { app: AppInfo; isAlone: boolean }) {
  const queries = useQueryClient();
  const queryKey = ['dead-letters', app.id];
  const path = { id: app.id };
  const { query: letters, rows } = useCursorPages(queryKey, (at) =>
    data(api.GET('/api/apps/{id}/dead-letters', { params: { path, query: { limit: 50, ...at } } })),
  );
  const replay = useMutation({
    mutationFn: (ids: string[] | undefined) =>
      data(api.POST('/api/apps/{id}/dead-letters/replay', { params: { path }, body: ids ? { ids } : {} })),
    onSuccess: () => queries.invalidateQueries({ queryKey }),
  });
  return (
    <>
      {!isAlone && <h3>{app.name}</h3>}
      <Loading query={letters} />
      {letters.error && <Failure error={letters.error} retry={() => void letters.refetch()} />}
      {letters.data && rows.length === 0 && <p className="muted">Nothing: every event that was accepted is stored.</p>}
      {replay.error && <Failure error={replay.error} />}
      {replay.data && (
        <p role="status">
          {counted(replay.data.replayed, 'event')} on the way again. What fails again is listed here again in a moment.
        </p>
      )}
      {rows.length > 0 && (
        <>
          <Table app={app} rows={rows} isBusy={replay.isPending} again={(id) => replay.mutate([id])} />
          <p className="actions">
            <More query={letters} />
            <button type="button" onClick={() => replay.mutate(undefined)} disabled={replay.isPending}>
              Try all again
            </button>
            <span className="muted">
              All but those with <code>id_conflict</code> and <code>too_old</code>, which would fail again.
            </span>
          </p>
        </>
      )}
    </>
  );
}

function Table({
  app,
  rows,
  isBusy,
  again,
}: {
  app: AppInfo;
  rows: readonly Letter[];
  isBusy: boolean;
  again: (id: string) => void;
}) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`What could not be stored of ${app.name}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Event</th>
            <th scope="col">Why</th>
            <th scope="col">Payload</th>
            <th scope="col">
              <span className="hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((letter) => (
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
              <td>
                <button type="button" className="quiet" disabled={isBusy} onClick={() => again(letter.id)}>
                  Try again
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
