import { type Query, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ask, NoAnswer, type Schemas } from './api.js';
import { isPassing } from './retry.js';
import { STILL_WAITING, useWaiting } from './waiting.js';

type Ready = Schemas['ReadyDto'];

/** With what follows, a page says within 5 s that MySQL does not answer, also one that asks nothing by itself. */
const EVERY_MS = 2500;
const LATE_AFTER_MS = 1500;
const KEY = ['ready'];

/** What /ready says; it says it with 503 too. */
async function askReady(): Promise<Ready> {
  const answer = await ask('/ready', {}, LATE_AFTER_MS);
  return (await answer.json()) as Ready;
}

/** Whether the server can do its work, asked again and again while somebody looks at the page. */
export function useReady(enabled = true) {
  return useQuery({ queryKey: KEY, queryFn: askReady, refetchInterval: EVERY_MS, retry: false, enabled });
}

function isWell({ data, error }: ReturnType<typeof useReady>): boolean {
  return !error && data?.checks?.mysql === 'ok';
}

/** Whether the server and its database answer, as far as the page knows. */
export function useIsWell(): boolean {
  return isWell(useReady());
}

function hasFailed({ queryKey, state }: Query): boolean {
  return queryKey[0] !== KEY[0] && isPassing(state.error ?? state.fetchFailureReason);
}

/**
 * Says that the server, or its database, does not answer, that an answer takes long, or that the page pauses because it
 * was asked to. It goes away by itself, and then what had failed is asked again.
 * @param isSignedIn false: only the calls that the page makes anyway are looked at
 */
export function ServerNotice({ isSignedIn }: { isSignedIn: boolean }) {
  const queries = useQueryClient();
  const ready = useReady(isSignedIn);
  const waiting = useWaiting();
  const isAway = ready.error instanceof NoAnswer && !ready.error.blocked;
  const isBack = isWell(ready);
  useEffect(() => {
    if (!isBack) return;
    for (const query of queries.getQueryCache().findAll({ type: 'active', predicate: hasFailed }))
      // One that pauses before its next try need not pause any longer.
      void query.cancel({ silent: true }).then(() => query.fetch().catch(() => undefined));
  }, [isBack, queries]);
  const problem = ready.data && !ready.error ? problemText(ready.data) : undefined;
  const text = isAway ? AWAY : (problem ?? waitingText(waiting));
  return (
    <div role="status" className="notice-place">
      {text && <p className="notice">{text}</p>}
    </div>
  );
}

const AWAY = 'The server does not answer. This page tries again by itself.';

function problemText({ status, checks }: Ready): string | undefined {
  if (checks?.mysql !== 'away') return undefined;
  const events = status === 'degraded' ? 'Events are still accepted. ' : '';
  return `The database does not answer, so what is shown here may be old. ${events}This page goes on by itself.`;
}

function waitingText({ isLate, againAt }: ReturnType<typeof useWaiting>): string | undefined {
  if (isLate) return STILL_WAITING;
  if (againAt === undefined) return undefined;
  const time = new Date(againAt).toLocaleTimeString(navigator.language);
  return `Too many requests from this account for now. This page asks again at ${time}.`;
}
