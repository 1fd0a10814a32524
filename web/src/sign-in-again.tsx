import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { type Person, Problem } from './api.js';

/** Where what was typed waits while the browser is at the sign-in provider. */
const STORED = 'before-sign-in';
/** It is of no use after the 10 minutes that a flow may take. */
const GOOD_FOR_MS = 600_000;

interface Kept {
  /** Whose page it was: somebody else may come back. */
  personId: string;
  at: number;
  values: Record<string, unknown>;
}

/** What the page shows now, by name. */
const shown = new Map<string, unknown>();
/** What it showed before the sign-in and has not shown since. */
const waiting: Kept | undefined = takeStored();

function takeStored(): Kept | undefined {
  const text = sessionStorage.getItem(STORED);
  sessionStorage.removeItem(STORED);
  try {
    const kept = JSON.parse(text ?? 'null') as Kept | null;
    return kept && Date.now() - kept.at < GOOD_FOR_MS ? kept : undefined;
  } catch {
    return undefined;
  }
}

const CurrentPerson = createContext<Person | undefined>(undefined);

/** Says who is signed in to what is inside. */
export function SignedInAs({ person, children }: { person: Person; children: ReactNode }) {
  return <CurrentPerson value={person}>{children}</CurrentPerson>;
}

/**
 * State that survives signing in again, as useState otherwise. What waits is shown once.
 * @param name unique on the page
 */
export function useKept<T>(name: string, initial: T): [T, (value: T) => void] {
  const person = useContext(CurrentPerson);
  const [value, setValue] = useState<T>(() => {
    const isOwn = waiting !== undefined && waiting.personId === person?.id;
    return isOwn && Object.hasOwn(waiting!.values, name) ? (waiting!.values[name] as T) : initial;
  });
  useEffect(() => {
    shown.set(name, value);
    return () => void shown.delete(name);
  }, [name, value]);
  useEffect(() => {
    if (waiting) delete waiting.values[name];
  }, [name]);
  return [value, setValue];
}

/** Whether an action was refused because the last sign-in is more than 10 minutes ago. */
export function needsSignIn(error: unknown): boolean {
  return error instanceof Problem && error.code === 'recent_sign_in_required';
}

/** Leads to the provider and back to this page, with what was typed and the open dialog as they are. */
export function SignInAgain() {
  const person = useContext(CurrentPerson);
  const go = () => {
    if (!person) return;
    const kept: Kept = { personId: person.id, at: Date.now(), values: Object.fromEntries(shown) };
    sessionStorage.setItem(STORED, JSON.stringify(kept));
    const next = location.pathname + location.search;
    location.assign(`/api/auth/google?${new URLSearchParams({ again: 'true', login_hint: person.email, next })}`);
  };
  return (
    <div role="alert" className="failure">
      <p>For your safety this needs a sign-in within the last 10 minutes. You come back to this page as it is now.</p>
      <button type="button" onClick={go}>
        Sign in again
      </button>
    </div>
  );
}
