import { useId, useRef, useState, type ReactNode } from 'react';
import { Failure } from './panels.js';

/**
 * A button that asks before it does what cannot be undone; with `word`, only after that was typed. The browser's own modal
 * dialog keeps the focus, and Escape closes it.
 */
export function Confirm({
  open,
  title,
  action,
  word,
  run,
  children,
}: {
  open: string;
  title: string;
  action: string;
  word?: string;
  run: () => Promise<unknown>;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      await run();
      setTyped('');
      dialog.current?.close();
    } catch (failure) {
      setError(failure as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" className="danger" onClick={() => dialog.current?.showModal()}>
        {open}
      </button>
      <dialog ref={dialog} className="modal" aria-labelledby={heading}>
        <h2 id={heading}>{title}</h2>
        <p>{children}</p>
        {word !== undefined && (
          <label>
            <span>
              Type <strong>{word}</strong> to confirm
            </span>
            <input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
          </label>
        )}
        {error && <Failure error={error} />}
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
