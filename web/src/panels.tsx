import type { UseQueryResult } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Problem } from './api.js';
import { figure, full, HERE, moment } from './format.js';

/** A panel that keeps its old content, dimmed, while new is loading, and says what went wrong. */
export function Panel<T>({
  title,
  query,
  empty,
  isEmpty,
  children,
  aside,
}: {
  title: string;
  query: UseQueryResult<T>;
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ReactNode;
  aside?: ReactNode;
}) {
  const { data, error, isFetching, dataUpdatedAt } = query;
  return (
    <section className={`panel${isFetching && data !== undefined ? ' dimmed' : ''}`} aria-busy={isFetching}>
      <header className="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {isFetching && <div className="bar" />}
      {error && <Failure error={error} retry={() => void query.refetch()} />}
      {error && data !== undefined && (
        <p className="small warning">
          What is shown is of {moment(new Date(dataUpdatedAt).toISOString(), HERE)} ({HERE}).
        </p>
      )}
      {data === undefined ? !error && <p className="muted">Loading …</p> : isEmpty?.(data) ? empty : children(data)}
    </section>
  );
}

/** A figure in a table; a short one tells the full number on hover. */
export function NumberCell({ n }: { n: number }) {
  return (
    <td className="number" title={full(n)}>
      {figure(n)}
    </td>
  );
}

/** What happened, whose fault it is, and what to try. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  const ours = !(error instanceof Problem) || error.status >= 500;
  return (
    <div role="alert" className="failure">
      <p>{error instanceof Problem ? error.message : 'The server could not be reached. Is it running?'}</p>
      {ours && retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Text to take away, with a button that does so. */
export function Copyable({ text, label, block }: { text: string; label: string; block?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div className={block ? 'copyable block' : 'copyable'}>
      {block ? <pre tabIndex={0}>{text}</pre> : <code>{text}</code>}
      <button type="button" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
