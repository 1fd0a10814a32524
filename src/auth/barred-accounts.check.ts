import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';
import { accountBar, keyBar } from '../registry/account-bar.js';

/** Accounts that have an app, and so keys that may be in use. */
const OWNERS = `SELECT provider, email, domain FROM users
WHERE locked_at IS NULL AND EXISTS (SELECT 1 FROM apps WHERE apps.owner_id = users.id AND apps.deleted_at IS NULL)`;

interface Owner {
  provider: string;
  email: string;
  domain: string | null;
}

/** Says at start how many accounts with apps the settings leave out: their keys are refused, and no client is told why. */
@Injectable()
export class BarredAccountsCheck implements OnApplicationBootstrap {
  constructor(
    private readonly dataSource: DataSource,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const owners: Owner[] = await this.dataSource.query(OWNERS);
    const unlocked = owners.map((owner) => ({ ...owner, locked: false }));
    const barred = unlocked.filter((owner) => keyBar(this.env, owner));
    const awaiting = unlocked.filter((owner) => !keyBar(this.env, owner) && accountBar(this.env, owner));
    if (barred.length > 0) {
      this.logger.warn(
        { notice: true, accounts: barred.length },
        `The API keys of ${accounts(barred.length)} are refused: SIGN_IN_ALLOW leaves them out, or local sign-in is off (npm run accounts -- list names them)`,
      );
    }
    if (awaiting.length > 0) {
      this.logger.warn(
        { notice: true, accounts: awaiting.length },
        `The API keys of ${accounts(awaiting.length)} work by the domain of an e-mail until their owners sign in again: an @domain in SIGN_IN_ALLOW asks for Google's hd now (docs/google.md)`,
      );
    }
  }
}

function accounts(n: number): string {
  return `${n} ${n === 1 ? 'account' : 'accounts'} with apps`;
}
