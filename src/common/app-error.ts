/** A wrong field and what to do about it. */
export interface FieldError {
  field: string;
  message: string;
}

/** Whose token or account an error is about, for the log. Ids are 32 hex digits. */
export interface AboutWhom {
  keyId?: string;
  accountId?: string;
}

export interface AppErrorOptions {
  errors?: FieldError[];
  /** Sent as they are, e.g. Retry-After. */
  headers?: Record<string, string>;
  /** Stated where an event's time is refused (RFC 3339), so that a client can tell by how much its clock is wrong. */
  serverTime?: string;
  cause?: unknown;
  /** Where it is known for sure: never what an unverified token says of itself. */
  about?: AboutWhom;
}

/**
 * An error that a client may see: `code` is stable and documented, `detail` says what happened and what to do next.
 * problem.filter.ts turns it into RFC 9457 problem+json; nothing else does.
 */
export class AppError extends Error {
  readonly errors?: FieldError[];
  readonly headers?: Record<string, string>;
  readonly about?: AboutWhom;
  readonly serverTime?: string;

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    options: AppErrorOptions = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = new.target.name;
    this.errors = options.errors;
    this.headers = options.headers;
    this.about = options.about;
    this.serverTime = options.serverTime;
  }
}

/** Errors that `detail` tells in words; `errors` has them all. */
const TOLD_IN_WORDS = 10;

/** 400: every wrong field is named. */
export class InvalidInputError extends AppError {
  constructor(errors: FieldError[], code = 'invalid_input', serverTime?: string) {
    const told = errors.slice(0, TOLD_IN_WORDS).map((error) => `${error.field}: ${error.message}`);
    if (errors.length > told.length) told.push(`And ${errors.length - told.length} more.`);
    super(400, code, told.join(' '), { errors, serverTime });
  }
}

/** 401 of a token. */
export class UnauthorizedError extends AppError {
  constructor(
    code: 'key_missing' | 'key_malformed' | 'key_expired' | 'key_revoked' | 'wrong_token_kind' | 'account_locked',
    detail: string,
    about?: AboutWhom,
  ) {
    super(401, code, detail, { headers: { 'www-authenticate': 'Bearer' }, about });
  }
}

/** 401 of a user token whose session or account is over. */
export function signInEnded(about?: AboutWhom): UnauthorizedError {
  return new UnauthorizedError('key_revoked', 'This sign-in has ended. Sign in again.', about);
}

/** 401 of a user token whose account an operator has locked. */
export function accountLocked(about: AboutWhom): UnauthorizedError {
  return new UnauthorizedError('account_locked', 'Your account is locked. Ask whoever runs this installation.', about);
}

/** 403: the token is good, but not for this. */
export class ForbiddenError extends AppError {
  constructor(code: string, detail: string, about?: AboutWhom) {
    super(403, code, detail, { about });
  }
}

/** 404, also for what belongs to somebody else. */
export class NotFoundError extends AppError {
  constructor(detail: string, code = 'not_found') {
    super(404, code, detail);
  }
}

export class ConflictError extends AppError {
  constructor(code: string, detail: string) {
    super(409, code, detail);
  }
}

/** 429 with Retry-After (seconds). */
export class RateLimitedError extends AppError {
  constructor(detail: string, retryAfterS: number, headers: Record<string, string> = {}, cause?: unknown) {
    super(429, 'rate_limited', detail, { headers: { ...headers, 'retry-after': String(retryAfterS) }, cause });
  }
}

/** 503 with Retry-After (seconds): nothing was taken, send it again. */
export class UnavailableError extends AppError {
  constructor(code: string, detail: string, retryAfterS = 5, cause?: unknown) {
    super(503, code, detail, { headers: { 'retry-after': String(retryAfterS) }, cause });
  }
}

/** The client closed its connection, so nobody reads the answer. */
export class ClientGoneError extends AppError {
  constructor(cause?: unknown) {
    super(499, 'client_gone', 'The client closed the connection before the answer was ready.', { cause });
  }
}
