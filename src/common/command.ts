import { ConfigError } from '../config/config-error.js';

/** A command was called with arguments that it does not take. The message says which it does. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs a command-line program: its answer becomes the exit code (none: 0); an error becomes one readable message on
 * stderr and exit code 1.
 */
export async function runCommand(program: () => Promise<number | void>): Promise<void> {
  try {
    process.exitCode = (await program()) ?? 0;
  } catch (error) {
    process.stderr.write(`${readable(error)}\n`);
    process.exitCode = 1;
  }
}

/** What a person needs to know of a start that failed; a stack only where the fault may be ours. */
export function readable(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, message, stack } = error as { code?: string; message?: string; stack?: string };
  if (code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') {
    return `Cannot reach MySQL (${code}): check DATABASE_URL, and that the server it names is running.`;
  }
  if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') {
    return `MySQL refuses the account in DATABASE_URL (${code}): check its name, password and rights.`;
  }
  const named = error instanceof Error && error.name !== 'Error' && error.constructor.name.endsWith('Error');
  return named || code ? String(message) : String(stack ?? error);
}
