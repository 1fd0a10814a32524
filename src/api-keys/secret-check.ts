import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';

const LIVE_KEYS = `SELECT kid, COUNT(*) AS n FROM api_keys
WHERE (revoked_at IS NULL OR revoked_at > UTC_TIMESTAMP(3)) AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP(3))
GROUP BY kid`;

/** Says at start which keys died with a secret that was taken out of KEY_TOKEN_SECRET. */
@Injectable()
export class SecretCheck implements OnApplicationBootstrap {
  constructor(
    private readonly dataSource: DataSource,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const known = new Set(this.env.keyTokenSecrets!.map(({ kid }) => kid));
    const rows: { kid: string; n: string }[] = await this.dataSource.query(LIVE_KEYS);
    for (const { kid, n } of rows.filter((row) => !known.has(row.kid))) {
      this.logger.warn(
        { notice: true, kid, keys: Number(n) },
        `KEY_TOKEN_SECRET does not hold the secret named ${kid} any more: ${n} API keys that it signed are refused`,
      );
    }
  }
}
