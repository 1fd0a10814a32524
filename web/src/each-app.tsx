import { useState, type ReactNode } from 'react';
import type { AppInfo } from './api.js';
import { counted } from './format.js';

/** Apps shown at first, and more with each look further. Each asks the server a question of its own. */
const SHOWN = 10;

/** Some of the apps, one below the other: those whose name holds what is typed, and more on demand. */
export function EachApp({ apps, children }: { apps: AppInfo[]; children: (app: AppInfo) => ReactNode }) {
  const [typed, setTyped] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const text = typed.trim().toLowerCase();
  const found = text ? apps.filter(({ name }) => name.toLowerCase().includes(text)) : apps;
  return (
    <>
      {apps.length > SHOWN && (
        <p className="actions">
          <input
            type="search"
            aria-label="Part of an app’s name"
            placeholder="Part of an app’s name"
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              setShown(SHOWN);
            }}
          />
          <span className="muted" role="status">
            {counted(found.length, 'app')}
            {found.length > shown && `, ${shown} shown`}
          </span>
        </p>
      )}
      {found.slice(0, shown).map(children)}
      {found.length > shown && (
        <p>
          <button type="button" onClick={() => setShown(shown + SHOWN)}>
            More apps
          </button>
        </p>
      )}
    </>
  );
}
