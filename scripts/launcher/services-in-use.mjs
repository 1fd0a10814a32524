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
