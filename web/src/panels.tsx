import { useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useRef, useState, type MouseEvent, type ReactNode } from 'react';
import { NoAnswer, Problem, renew } from './api.js';
import { figure, full, HERE, moment } from './format.js';
import { needsSignIn, SignInAgain } from './sign-in-again.js';

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
  const { data, error, dataUpdatedAt } = query;
  // Asking the same again, every few seconds, is nothing to show.
  const isWaiting = query.isPlaceholderData || (query.isFetching && data === undefined);
  return (
    <section className={`panel${isWaiting && data !== undefined ? ' dimmed' : ''}`} aria-busy={isWaiting}>
      <header className="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {isWaiting && <div className="bar" />}
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

/** A figure; where it is short, the full number is told on hover and to screen readers. */
export function Count({ n }: { n: number }) {
  if (figure(n) === full(n)) return full(n);
  return (
    <>
      <span aria-hidden="true" title={full(n)}>
        {figure(n)}
      </span>
      <span className="hidden">{full(n)}</span>
    </>
  );
}

/** A figure in a table; null: it is not known. */
export function NumberCell({ n }: { n: number | null }) {
  return (
    <td className="number">
      {n === null ? <span title="Too many events to tell users apart">–</span> : <Count n={n} />}
    </td>
  );
}

/** While the first answer is on its way. */
export function Loading({ query }: { query: { isPending: boolean; error: Error | null } }) {
  return query.isPending && !query.error ? <p className="muted">Loading …</p> : null;
}

/** A link to a file. The sign-in is renewed first: a long file ends with the token that it was asked for with. */
export function DownloadLink({ href, className, children }: { href: string; className?: string; children: ReactNode }) {
  const queries = useQueryClient();
  const [failure, setFailure] = useState<Error>();
  const go = async (event: MouseEvent) => {
    event.preventDefault();
    setFailure(undefined);
    const renewed = await renew().catch((error: Error) => void setFailure(error));
    if (renewed === false) await queries.invalidateQueries({ queryKey: ['me'] });
    if (!renewed) return;
    const link = document.createElement('a');
    link.href = href;
    link.download = '';
    link.click();
  };
  return (
    <>
      <a href={href} className={className} download onClick={(event) => void go(event)}>
        {children}
      </a>
      {failure && (
        <span role="alert" className="warning">
          {messageOf(failure)}
        </span>
      )}
    </>
  );
}

/** What happened, whose fault it is, and what to try. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  const again = !(error instanceof Problem) || error.status >= 500 || error.status === 429;
  if (error instanceof Problem && error.code === 'question_too_large') return <TooMany />;
  if (needsSignIn(error)) return <SignInAgain />;
  return (
    <div role="alert" className="failure">
      <p>{messageOf(error)}</p>
      {again && retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function messageOf(error: Error): string {
  if (error instanceof Problem || error instanceof NoAnswer) return error.message;
  return 'This page ran into a fault of its own. Load it again; if that does not help, please report it.';
}

function TooMany() {
  return <p className="muted">Too many events in this range. Take a shorter range, or one app.</p>;
}

/** Text to take away, with a button that does so. */
export function Copyable({ text, label, block }: { text: string; label: string; block?: boolean }) {
  const [said, setSaid] = useState('Copy');
  const place = useRef<HTMLElement & HTMLPreElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      // Without TLS a browser gives no clipboard to pages of other machines.
      getSelection()?.selectAllChildren(place.current!);
      setSaid('Selected: press Ctrl+C');
    }
    setTimeout(() => setSaid('Copy'), 2000);
  };
  return (
    <div className={block ? 'copyable block' : 'copyable'}>
      {block ? (
        <pre ref={place} tabIndex={0}>
          {text}
        </pre>
      ) : (
        <code ref={place}>{text}</code>
      )}
      <button type="button" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {said}
      </button>
    </div>
  );
}
