import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { Failure } from './panels.js';
import { useKept } from './sign-in-again.js';
import { STILL_WAITING, useWaiting } from './waiting.js';

/**
 * A button that asks before it does what cannot be undone; with `word`, only after that was typed. The browser's own modal
 * dialog keeps the focus, and Escape closes it. Where the action needs a recent sign-in, the dialog is open again, with
 * what was typed, after it.
 */
export function Confirm({
  name,
  open,
  title,
  action,
  word,
  quiet,
  run,
  children,
}: {
  /** Unique on the page: under it the dialog is kept while the browser signs in again. */
  name: string;
  open: string;
  title: string;
  action: string;
  word?: string;
  /** The button that opens it does not look dangerous. */
  quiet?: boolean;
  run: () => Promise<unknown>;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [isOpen, setOpen] = useKept(`${name}:open`, false);
  const [typed, setTyped] = useKept(`${name}:typed`, '');
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const { isLate } = useWaiting();
  const go = async () => {
    setBusy(true);
    try {
      await run();
      dialog.current?.close();
    } catch (failure) {
      setError(failure as Error);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
  }, [isOpen]);
  // What was typed, and what went wrong, is of this once.
  const forget = () => {
    setOpen(false);
    setTyped('');
    setError(undefined);
  };
  return (
    <>
      <button type="button" className={quiet ? 'quiet' : 'danger'} onClick={() => setOpen(true)}>
        {open}
      </button>
      <dialog ref={dialog} className="modal" aria-labelledby={heading} onClose={forget}>
        <h2 id={heading}>{title}</h2>
        <div className="says">{isOpen && children}</div>
        {word !== undefined && (
          <label>
            <span>
              Type <strong>{word}</strong> to confirm
            </span>
            <input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
          </label>
        )}
        {error && <Failure error={error} />}
        {busy && isLate && <p role="status">{STILL_WAITING}</p>}
        <div className="actions">
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="button"
            className="danger"
            disabled={busy || (word !== undefined && typed !== word)}
            onClick={() => void go()}
          >
            {action}
          </button>
        </div>
      </dialog>
    </>
  );
}
