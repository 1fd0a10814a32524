/** The event name that stands for all events in the rollups. */
export const ALL_EVENTS = '';
