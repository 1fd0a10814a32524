import { DataDir } from './data-dir.mjs';
import { LaunchError } from './terminal.mjs';

/**
 * The services for a script: those of the environment or .env, else those of a launcher that runs on the data folder.
 * @throws LaunchError when there are none
 */
export function servicesInUse({ databaseUrl, redisUrl, dataDir }) {
  const folder = new DataDir(dataDir);
  const running = folder.launcherPid ? folder.readRunEnv() : {};
  const found = {
    databaseUrl: databaseUrl ?? running.DATABASE_URL,
    redisUrl: redisUrl ?? running.REDIS_URL,
    apiUrl: running.API_URL,
  };
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
