import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, data, type Schemas } from './api.js';
import { percent } from './format.js';
import { NumberCell, Panel } from './panels.js';
import { useSorted } from './sort.js';
import { type Asked, type FilterName, filterQuery, type View, withFilter, write } from './url-state.js';

const EVERY_MS = 60_000;

/** The most frequent values of a dimension. A click on one filters by it. */
export function Top({
  title,
  by,
  asked,
  view,
  pick,
  event,
  toEvent,
}: {
  title: string;
  by: FilterName;
  asked: Asked;
  view: View;
  pick?: (name: FilterName, value: string) => void;
  event?: string;
  toEvent?: boolean;
}) {
  const filters = event === undefined ? view.filters : withFilter(view.filters, { name: 'event', value: event });
  const query = { by, ...asked, ...filterQuery(filters), limit: 8 };
  const top = useQuery({
    queryKey: ['breakdown', query],
    queryFn: () => data(api.GET('/api/analytics/breakdown', { params: { query } })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
  const eventHref = (value: string) => `/event${write({ ...view, filters: [{ name: 'event', value }] })}`;
  return (
    <Panel
      title={title}
      query={top}
      isEmpty={(found) => found.data.length === 0}
      empty={<p className="muted">Nothing in this range.</p>}
    >
      {(found) => (
        <TopTable
          title={title}
          rows={found.data}
          pick={pick && ((value) => pick(by, value))}
          link={toEvent ? eventHref : undefined}
        />
      )}
    </Panel>
  );
}

type Row = Schemas['BreakdownRowDto'];

const BY = {
  value: (row: Row) => row.value,
  count: (row: Row) => row.count,
  uniqueUsers: (row: Row) => row.uniqueUsers,
  share: (row: Row) => row.share,
};

function TopTable({
  title,
  rows,
  pick,
  link,
}: {
  title: string;
  rows: readonly Row[];
  pick?: (value: string) => void;
  link?: (value: string) => string;
}) {
  const { sorted, head } = useSorted(rows, BY);
  return (
    <table>
      <thead>
        <tr>
          {head('value', title)}
          {head('count', 'Events')}
          {head('uniqueUsers', 'Users')}
          {head('share', 'Share')}
        </tr>
      </thead>
      <tbody>
        {sorted.map((row) => (
          <tr key={JSON.stringify(row.value)}>
            <th scope="row">
              <span className="share">
                <progress max={1} value={row.share} aria-hidden="true" />
                {!row.value ? (
                  <span className="muted">{row.value === null ? 'none' : 'empty'}</span>
                ) : (
                  <button
                    type="button"
                    className="link"
                    title={`Only ${row.value}`}
                    disabled={!pick}
                    onClick={() => pick?.(row.value!)}
                  >
                    {row.value}
                  </button>
                )}
                {link && row.value && (
                  <Link href={link(row.value)} aria-label={`Page of ${row.value}`}>
                    →
                  </Link>
                )}
              </span>
            </th>
            <NumberCell n={row.count} />
            <NumberCell n={row.uniqueUsers} />
            <td className="number">{percent(row.share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
