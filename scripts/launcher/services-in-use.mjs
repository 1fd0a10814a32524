import { DataDir } from './data-dir.mjs';
import { LaunchError } from './terminal.mjs';

/**
 * The services for a script: those of the environment or .env, else those of a launcher that runs on the data folder.
 * @returns `clickhouse`: its variables, none where there is no ClickHouse
 * @throws LaunchError when there are none
 */
export function servicesInUse({ databaseUrl, redisUrl, clickhouse, engine, dataDir }) {
  const folder = new DataDir(dataDir);
  const running = folder.launcherPid ? folder.readRunEnv() : {};
  const found = {
    databaseUrl: databaseUrl ?? running.DATABASE_URL,
    redisUrl: redisUrl ?? running.REDIS_URL,
    clickhouse,
    apiUrl: running.API_URL,
  };
  // The read model belongs to a database: that of another one is left alone.
  if (!clickhouse.CLICKHOUSE_URL && engine !== 'none' && found.databaseUrl === running.DATABASE_URL) {
    const { CLICKHOUSE_URL, CLICKHOUSE_COPY_URL } = running;
    if (CLICKHOUSE_URL) found.clickhouse = { CLICKHOUSE_URL, ...(CLICKHOUSE_COPY_URL ? { CLICKHOUSE_COPY_URL } : {}) };
  }
  if (found.databaseUrl && found.redisUrl) return found;
  throw new LaunchError(
    'Nothing is running: npm start in another terminal, or set DATABASE_URL and REDIS_URL (in .env or the environment)',
  );
}

/**
 * Where a script finds the API: at the server that runs on the data folder, whatever port its terminal gave it, else where
 * `npm start` would put it.
 */
export function apiUrlInUse({ dataDir, localUrl }) {
  const folder = new DataDir(dataDir);
  return (folder.launcherPid ? folder.readRunEnv().API_URL : undefined) ?? localUrl;
}
