import { useMemo, useState, type ReactNode } from 'react';

type Value = string | number | null;

/**
 * Rows that their heads sort: the first click by the largest figure or the first letter, the second the other way round,
 * the third as they came. Only what is shown is sorted.
 * @param by what a column is sorted by; it stays the same from call to call
 */
export function useSorted<T, K extends string>(
  rows: readonly T[],
  by: Record<K, (row: T) => Value>,
): { sorted: readonly T[]; head: (name: K, title: ReactNode) => ReactNode } {
  const [order, setOrder] = useState<{ name: K; turned: boolean }>();
  const sorted = useMemo(() => {
    if (!order) return rows;
    const value = by[order.name];
    const found = [...rows].sort((a, b) => compare(value(a), value(b)));
    return order.turned ? found.reverse() : found;
  }, [rows, by, order]);
  const turn = (name: K) =>
    setOrder((now) => (now?.name !== name ? { name, turned: false } : now.turned ? undefined : { name, turned: true }));
  const head = (name: K, title: ReactNode) => {
    const number = rows.some((row) => typeof by[name](row) === 'number');
    const here = order?.name === name;
    const rising = here && order.turned === number;
    return (
      <th
        key={name}
        scope="col"
        className={number ? 'number' : undefined}
        aria-sort={here ? (rising ? 'ascending' : 'descending') : undefined}
      >
        <button type="button" className="head" onClick={() => turn(name)}>
          {title}
          <span aria-hidden="true">{here ? (rising ? ' ↑' : ' ↓') : ''}</span>
        </button>
      </th>
    );
  };
  return { sorted, head };
}

/** The largest figure first, texts by the reader's alphabet, what is not there last. */
function compare(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return b - a;
  return String(a).localeCompare(String(b));
}
