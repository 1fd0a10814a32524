import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, data } from './api.js';
import { figure, full, percent } from './format.js';
import { Panel } from './panels.js';
import { type Asked, type FilterName, type View, write } from './url-state.js';

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
  const filters = Object.groupBy(
    event === undefined ? view.filters : [...view.filters, { name: 'event' as const, value: event }],
    ({ name }) => name,
  );
  const values = Object.fromEntries(
    Object.entries(filters).map(([name, list]) => [name, list.map(({ value }) => value)]),
  );
  const query = { by, ...asked, ...values, limit: 8 };
  const top = useQuery({
    queryKey: ['breakdown', query],
    queryFn: () => data(api.GET('/api/analytics/breakdown', { params: { query: query as never } })),
    placeholderData: keepPreviousData,
  });
  return (
    <Panel
      title={title}
      query={top}
      isEmpty={(found) => found.data.length === 0}
      empty={<p className="muted">Nothing in this range.</p>}
    >
      {(found) => (
        <table>
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col" className="number">
                Events
              </th>
              <th scope="col" className="number">
                Users
              </th>
              <th scope="col" className="number">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {found.data.map((row) => (
              <tr key={row.value ?? ''}>
                <th scope="row">
                  <span className="share">
                    <progress max={1} value={row.share} aria-hidden="true" />
                    {row.value === null ? (
                      <span className="muted">none</span>
                    ) : (
                      <button
                        type="button"
                        className="link"
                        title={`Only ${row.value}`}
                        disabled={!pick}
                        onClick={() => pick?.(by, row.value!)}
                      >
                        {row.value}
                      </button>
                    )}
                    {toEvent && row.value !== null && (
                      <Link
                        href={`/event${write({ ...view, filters: [{ name: 'event', value: row.value }] })}`}
                        aria-label={`Page of ${row.value}`}
                      >
                        →
                      </Link>
                    )}
                  </span>
                </th>
                <td className="number" title={full(row.count)}>
                  {figure(row.count)}
                </td>
                <td className="number" title={full(row.uniqueUsers)}>
                  {figure(row.uniqueUsers)}
                </td>
                <td className="number">{percent(row.share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
