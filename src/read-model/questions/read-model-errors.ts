import { ClickHouseError } from '@clickhouse/client';
import { AppError, UnavailableError } from '../../common/app-error.js';

/**
 * The read model gave no answer. `event-summary` answers without unique users then; other questions are refused with this
 * error as it is.
 */
export class ReadModelUnavailableError extends UnavailableError {}

/** A question needs more memory than one question may take. */
export class QuestionTooLargeError extends AppError {
  constructor(cause: unknown) {
    const message = 'needs more memory than a question may take: ask for a shorter range, or for one app';
    const errors = [{ field: 'startDate', message }];
    super(400, 'question_too_large', `startDate: ${message}`, { errors, cause });
  }
}

const RETRY_S = 2;
const INCOMPLETE_RETRY_S = 10;
/** As long as the engine refuses a question that ended it. */
const REFUSED_S = 600;
const TOO_LONG_RETRY_S = 30;

export function readModelAway(cause?: unknown): ReadModelUnavailableError {
  const detail = 'ClickHouse, which answers this question, does not answer. Events are still accepted. Try again.';
  return new ReadModelUnavailableError('read_model_unavailable', detail, RETRY_S, cause);
}

/** @param copied events so far */
export function copyIncomplete(copied: number): ReadModelUnavailableError {
  const detail = `Events are still being copied into ClickHouse, which answers this question: ${copied} so far. Try again later.`;
  return new ReadModelUnavailableError('read_model_unavailable', detail, INCOMPLETE_RETRY_S);
}

export function noReadModel(): ReadModelUnavailableError {
  const detail =
    'This installation has no ClickHouse, which answers this question. Whoever runs it can set CLICKHOUSE_URL.';
  return new ReadModelUnavailableError('read_model_unavailable', detail, TOO_LONG_RETRY_S);
}

export function questionTooLong(cause?: unknown): ReadModelUnavailableError {
  const detail = 'ClickHouse took too long to answer. Ask for a shorter range, or for one app.';
  return new ReadModelUnavailableError('question_too_long', detail, TOO_LONG_RETRY_S, cause);
}

export function tooManyQuestions(cause?: unknown): ReadModelUnavailableError {
  const detail = 'Too many questions wait for ClickHouse just now. Try again.';
  return new ReadModelUnavailableError('read_model_busy', detail, RETRY_S, cause);
}

function refused(cause: unknown): ReadModelUnavailableError {
  const detail = 'ClickHouse ended while it answered this question, so it is refused for 10 minutes. Ask another one.';
  return new ReadModelUnavailableError('question_refused', detail, REFUSED_S, cause);
}

/** By ClickHouse's names of its errors. */
const MEANINGS: Readonly<Record<string, (cause: unknown) => AppError>> = {
  TIMEOUT_EXCEEDED: questionTooLong,
  TOO_SLOW: questionTooLong,
  QUERY_WAS_CANCELLED: questionTooLong,
  TOO_MANY_SIMULTANEOUS_QUERIES: tooManyQuestions,
  QUERY_IS_PROHIBITED: refused,
  TOO_MANY_BYTES: (cause) => new QuestionTooLargeError(cause),
  TOO_MANY_ROWS_OR_BYTES: (cause) => new QuestionTooLargeError(cause),
  // Whoever runs this must set it right: a wrong password, or a database that was dropped.
  AUTHENTICATION_FAILED: readModelAway,
  REQUIRED_PASSWORD: readModelAway,
  WRONG_PASSWORD: readModelAway,
  UNKNOWN_DATABASE: readModelAway,
  UNKNOWN_TABLE: readModelAway,
  // A shard of a cluster has no replica that answers.
  ALL_CONNECTION_TRIES_FAILED: readModelAway,
  ALL_REPLICAS_ARE_STALE: readModelAway,
  CLUSTER_DOESNT_EXIST: readModelAway,
  NETWORK_ERROR: readModelAway,
  SOCKET_TIMEOUT: readModelAway,
};

/** Memory of the whole server, or of all questions of the user, is at its limit: the question itself may be small. */
const MEMORY_OF_OTHERS = /\((total|for user)\) memory limit/i;

/**
 * An error of ClickHouse as clients see it.
 * @returns undefined for one that no question of a person can cause: a fault of this code
 */
export function clickHouseRefusal(error: ClickHouseError): AppError | undefined {
  if (error.type === 'MEMORY_LIMIT_EXCEEDED') {
    return MEMORY_OF_OTHERS.test(error.message) ? tooManyQuestions(error) : new QuestionTooLargeError(error);
  }
  return MEANINGS[error.type ?? '']?.(error);
}
