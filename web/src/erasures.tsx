import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, data, type Schemas } from './api.js';
import { full } from './format.js';

type Erasure = Schemas['ErasureDto'];
interface Ordered {
  id: string;
  /** Whom or what it takes away. */
  name: string;
}

const KEY = ['erasures'];
const EVERY_MS = 1000;

/** Shows an erasure until it is done, whatever page is open. */
export function useOrdered(): (name: string, erasure: Erasure) => void {
  const queries = useQueryClient();
  return (name, { erasureId: id }) =>
    // Orders for the same person are merged while they wait.
    queries.setQueryData<Ordered[]>(KEY, (list = []) => [...list.filter((one) => one.id !== id), { id, name }]);
}

/** How far the erasures are that were ordered since this page was loaded. */
export function Erasures() {
  const queries = useQueryClient();
  const { data: list } = useQuery<Ordered[]>({ queryKey: KEY, queryFn: () => [], enabled: false });
  if (!list?.length) return null;
  const close = (id: string) =>
    queries.setQueryData<Ordered[]>(
      KEY,
      list.filter((one) => one.id !== id),
    );
  return (
    <div className="panel" role="status">
      <ul className="plain" aria-label="Erasures">
        {list.map((one) => (
          <Progress key={one.id} {...one} close={() => close(one.id)} />
        ))}
      </ul>
    </div>
  );
}

const STAGES: Record<Erasure['stage'], string> = {
  rows: 'deleting events, counts and dead letters',
  buffer: 'waiting for what was on its way',
  file: 'having Redis write its file anew',
  'read-model': 'deleting the copy in ClickHouse',
  done: 'done',
};

const FILES: Record<NonNullable<Erasure['redisFile']>, string> = {
  rewritten: 'Redis’s file holds nothing of it any more.',
  none: 'Redis keeps no file.',
  operator: 'Redis’s file is up to whoever runs it.',
};

function Progress({ id, name, close }: Ordered & { close: () => void }) {
  const queries = useQueryClient();
  const { data: now } = useQuery({
    queryKey: ['erasure', id],
    queryFn: () => data(api.GET('/api/erasures/{id}', { params: { path: { id } } })),
    refetchInterval: ({ state }) => (state.data?.stage === 'done' ? false : EVERY_MS),
  });
  const done = now?.stage === 'done';
  useEffect(() => {
    if (done)
      void queries.invalidateQueries({
        predicate: ({ queryKey }) => queryKey[0] !== 'erasure' && queryKey[0] !== KEY[0],
      });
  }, [done, queries]);
  const erased = now ? `${full(now.eventsErased)} erased, of events and dead letters` : '';
  return (
    <li>
      {done ? (
        <>
          {name}: {erased}. {now.redisFile && FILES[now.redisFile]}{' '}
          <button type="button" className="quiet" onClick={close}>
            Close
          </button>
        </>
      ) : (
        <>
          {name}: {now ? `${STAGES[now.stage]}, ${erased}` : 'ordered'} <progress aria-label={`Erasing ${name}`} />
        </>
      )}
    </li>
  );
}
