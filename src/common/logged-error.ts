/** What a log line tells of an error: never what was asked of a service, since that holds people's data. */
export interface LoggedError {
  type: string;
  /** Left out of what MySQL and Redis say: they quote values. */
  message?: string;
  code?: string | number;
  errno?: number;
  /** Where it happened: the frames, without the message above them. */
  stack?: string;
  cause?: LoggedError;
}

interface ServiceError extends Error {
  code?: unknown;
  errno?: unknown;
  /** mysql2, and TypeORM after it. */
  sqlMessage?: unknown;
  sqlState?: unknown;
  query?: unknown;
  /** ioredis. */
  command?: unknown;
}

const CAUSES_AT_MOST = 5;

/**
 * The serialiser of `err`. TypeORM puts the statement and its parameters into its errors, mysql2 the statement and a
 * message that quotes rows, ioredis the command with all arguments: only what is listed here goes on.
 */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: typeof error === 'string' ? error : undefined };
  const { code, errno, cause } = error as ServiceError;
  return {
    type: error.name,
    ...message(error),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof errno === 'number' ? { errno } : {}),
    stack: frames(error),
    ...(cause !== undefined && depth < CAUSES_AT_MOST ? { cause: loggedError(cause, depth + 1) } : {}),
  };
}

function message(error: ServiceError): { message?: string } {
  if (error.sqlMessage !== undefined || error.sqlState !== undefined || error.query !== undefined) return {};
  // Redis's first word is its code: OOM, MISCONF, NOSCRIPT …
  if (error.command !== undefined || error.name === 'ReplyError') return { message: error.message.split(' ', 1)[0] };
  return { message: error.message };
}

function frames({ stack, message: said }: Error): string | undefined {
  // The message may hold lines that look like frames.
  return stack
    ?.slice(stack.indexOf(said) + said.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
