import type { Logger } from '../common/logger.js';
import type { Env } from '../config/env.js';
import { listedHostLabel } from '../config/public-paths.js';

/** Warns the operator at start if content blockers look for the host name of PUBLIC_URL. */
export function warnOfListedHost({ publicUrl }: Env, logger: Logger): void {
  const label = listedHostLabel(publicUrl);
  if (label === undefined) return;
  logger.warn(
    { notice: true },
    `PUBLIC_URL's host begins with "${label}.", which content blockers look for: they may block the browser script and ` +
      'these pages. Choose a neutral name, such as tally.example.com (docs/content-blockers.md)',
  );
}
