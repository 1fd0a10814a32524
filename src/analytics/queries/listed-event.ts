import { columnNames, SHOWN_FIELDS } from '../../events/event-columns.js';
import { shownEvent, type ShownEvent, type ShownRow } from '../../events/stored-event.js';

/** Of `events`: all that people see of one. */
export const LISTED_COLUMNS = columnNames(SHOWN_FIELDS);

export type ListedEvent = ShownEvent;
/** As MySQL answers {@link LISTED_COLUMNS}. */
export type ListedRow = ShownRow;
export const listed = shownEvent;
