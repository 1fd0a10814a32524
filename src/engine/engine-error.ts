/** Numbers of ClickHouse's errors, as clients know them (src/Common/ErrorCodes.cpp). */
export const CLICKHOUSE_ERRORS = {
  SYNTAX_ERROR: 62,
  UNKNOWN_DATABASE: 81,
  UNKNOWN_SETTING: 115,
  TIMEOUT_EXCEEDED: 159,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_IS_PROHIBITED: 392,
  QUERY_WAS_CANCELLED: 394,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
} as const;

export type ClickhouseErrorName = keyof typeof CLICKHOUSE_ERRORS;

/** Why the engine refuses a statement. Clients see it as an error of ClickHouse with the same number. */
export class EngineError extends Error {
  readonly code: number;

  /** @param type ClickHouse's name of the error @param status of the HTTP answer */
  constructor(
    readonly type: ClickhouseErrorName,
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = 'EngineError';
    this.code = CLICKHOUSE_ERRORS[type];
  }
}
