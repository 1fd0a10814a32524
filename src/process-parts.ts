import type { Redis } from 'ioredis';
import type { DataSources } from './database/database.module.js';
import type { Logger } from './common/logger.js';
import type { Env } from './config/env.js';

/** What a process makes and checks before Nest starts, and hands to its composition root. */
export interface ProcessParts {
  env: Env;
  logger: Logger;
  dataSources: DataSources;
  redis: Redis;
}
