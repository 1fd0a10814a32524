import type { ProviderAccount } from '../config/allow-list.js';
import type { Env } from '../config/env.js';

/** Why an account may not use the installation. `not_allowed`: SIGN_IN_ALLOW leaves it out. `local_off`: made at the stand-in. */
export type AccountBar = 'locked' | 'local_off' | 'not_allowed';

/** What decides it. */
export interface BarredBy extends ProviderAccount {
  provider: string;
  locked: boolean;
}

type Rules = Pick<Env, 'localSignIn' | 'signInAllow'>;

/** @returns why the account's sessions are void; undefined: they are good */
export function accountBar({ localSignIn, signInAllow }: Rules, account: BarredBy): AccountBar | undefined {
  if (account.locked) return 'locked';
  if (account.provider === 'local' && !localSignIn) return 'local_off';
  return signInAllow.allows(account) ? undefined : 'not_allowed';
}

/**
 * The same for its API keys, with one difference: where the owner's last sign-in was before `hd` was asked for, the e-mail's
 * domain decides. An upgrade would otherwise refuse the events of every account that an @domain lets in.
 */
export function keyBar(rules: Rules, account: BarredBy): AccountBar | undefined {
  const bar = accountBar(rules, account);
  const { email, domain } = account;
  return bar === 'not_allowed' && domain === null && rules.signInAllow.namesDomainOf(email) ? undefined : bar;
}
