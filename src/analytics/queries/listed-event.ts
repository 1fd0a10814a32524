import { columnNames, SHOWN_FIELDS } from '../../events/event-columns.js';
import { shownEvent, type ShownEvent, type ShownRow } from '../../events/stored-event.js';

/** The columns of `events` that answers show. */
export const LISTED_COLUMNS = columnNames(SHOWN_FIELDS);

export type ListedEvent = ShownEvent;
/** As MySQL answers {@link LISTED_COLUMNS}. */
export type ListedRow = ShownRow;
export const listed = shownEvent;
