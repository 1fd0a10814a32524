/**
 * Names of the API's data sources beside the usual one. Each has connections of its own, so that what waits in one holds
 * up nothing in another.
 *
 * - `control`: sessions, revocations, the registry and health. Every statement is short.
 * - `questions`: answers to questions about events, through the limiter in questions/ alone.
 * - the usual one: everything else.
 */
export const CONTROL = 'control';
export const QUESTIONS = 'questions';

/** Connections of one API process to MySQL, and how many may wait for one of them. */
export const POOLS = {
  usual: { poolSize: 6, queueLimit: 200 },
  [CONTROL]: { poolSize: 4, queueLimit: 1000 },
  /** As many as questions may run; the limiter lets no more in. */
  [QUESTIONS]: { poolSize: 8, queueLimit: 8 },
} as const;

/** Connections of a worker. Health has one of its own, which storing events cannot occupy. */
export const WORKER_POOLS = {
  usual: { poolSize: 10, queueLimit: 200 },
  [CONTROL]: { poolSize: 1, queueLimit: 100 },
} as const;
