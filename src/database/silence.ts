import type { Socket } from 'node:net';
import type { DataSource, QueryRunner } from 'typeorm';

/** What is used of mysql2's connection: the driver under TypeORM's query runner. */
interface DriverConnection {
  stream: Socket;
}

/** Nothing came from MySQL for longer than any of its answers may take: whether it did what was asked is not known. */
export class MysqlSilentError extends Error {
  override readonly name = 'MysqlSilentError';
  readonly code = 'ETIMEDOUT';
}

/**
 * Gives a connection up when nothing has moved on it for so long: a network that lets packets vanish, or a server that
 * stands still, would otherwise be waited for without end. What waits for an answer gets a MysqlSilentError, as of any
 * connection that is lost, and the pool makes another one. An idle connection is given up too, since it cannot be told
 * from a dead one; that costs nothing but a new one.
 */
export function giveUpWhenSilent(connection: unknown, silenceMs: number): void {
  const { stream } = connection as DriverConnection;
  stream.setTimeout(silenceMs);
  // Destroyed, not closed: the goodbye of a closed one would wait for the other side too.
  stream.on('timeout', () => stream.destroy(new MysqlSilentError(`MySQL was silent for ${stream.timeout} ms`)));
}

/**
 * Does the work on one connection of which MySQL may be silent for another time than usual.
 * @param silenceMs undefined: as usual
 */
export async function onOneConnection<T>(
  dataSource: DataSource,
  silenceMs: number | undefined,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    if (silenceMs === undefined) return await work(runner);
    const { stream } = (await runner.connect()) as DriverConnection;
    const usualMs = stream.timeout ?? 0;
    stream.setTimeout(silenceMs);
    try {
      return await work(runner);
    } finally {
      stream.setTimeout(usualMs);
    }
  } finally {
    await runner.release();
  }
}
