import { parseArgs } from 'node:util';
import { AccountStore, type StoredAccount } from './accounts/account-store.js';
import { AuditLog } from './audit-log/audit-log.js';
import { runCommand, UsageError } from './common/command.js';
import { Env } from './config/env.js';
import { createDataSource } from './database/data-source.js';
import { assertSchemaFits } from './database/schema-check.js';
import { formatUuid, parseUuid } from './events/event-id.js';
import { type AccountBar, accountBar } from './registry/account-bar.js';

const USAGE = `npm run accounts -- list [--search TEXT] [--limit N] [--after ID]
npm run accounts -- lock ID|E-MAIL
npm run accounts -- unlock ID|E-MAIL
npm run accounts -- revoke-keys ID|E-MAIL

list         accounts, newest first; TEXT is part of an e-mail or name
lock         ends its sessions, refuses its API keys and keeps it from signing in, within a second
unlock       lets it in again; its API keys work again
revoke-keys  revokes every API key of its apps, for good`;
const LIMIT = 50;
const CHANGES = ['lock', 'unlock', 'revoke-keys'] as const;
type Change = (typeof CHANGES)[number];

const STATES: Record<AccountBar, string> = {
  locked: 'locked',
  local_off: 'refused: local sign-in is off',
  not_allowed: 'refused: not in SIGN_IN_ALLOW',
};

await runCommand(async () => {
  const { command, who, search, limit, after } = readArguments(process.argv.slice(2));
  const env = Env.load('command');
  const dataSource = await createDataSource(env.database, { poolSize: 1 }).initialize();
  try {
    await assertSchemaFits(dataSource);
    const accounts = new AccountStore(dataSource, new AuditLog(dataSource));
    if (command === 'list') return await list(accounts, env, limit, search, after);
    await change(accounts, command, await find(accounts, who));
  } finally {
    await dataSource.destroy();
  }
});

async function list(accounts: AccountStore, env: Env, limit: number, search?: string, after?: string): Promise<void> {
  const found = await accounts.list(limit + 1, search, after);
  for (const account of found.slice(0, limit)) {
    const { id, lockedAt, lastSignInAt, apps, provider } = account;
    const bar = accountBar(env, { ...account, locked: lockedAt !== null });
    const state = bar === 'locked' ? `locked since ${lockedAt!.toISOString()}` : bar ? STATES[bar] : 'good';
    const last = `last sign-in ${lastSignInAt.toISOString()}`;
    say(
      `${formatUuid(id)}  ${shown(account)}  ${provider}  ${apps} ${apps === '1' ? 'app' : 'apps'}  ${last}  ${state}`,
    );
  }
  if (found.length > limit) say(`… and more: --after ${formatUuid(found[limit - 1]!.id)}`);
  if (found.length === 0) say('No accounts');
}

async function change(accounts: AccountStore, command: Change, account: StoredAccount): Promise<void> {
  const name = shown(account);
  if (command === 'lock') {
    await accounts.lock(account.id, 'command');
    say(`${name} is locked: its sessions are over, and its API keys are refused within a second`);
  } else if (command === 'unlock') {
    await accounts.unlock(account.id, 'command');
    say(`${name} is not locked any more`);
  } else {
    const keys = await accounts.revokeKeys(account.id, 'command');
    say(`${keys} API ${keys === 1 ? 'key' : 'keys'} of ${name} revoked`);
  }
}

/** @throws UsageError where no account or more than one is meant */
async function find(accounts: AccountStore, who: string): Promise<StoredAccount> {
  const id = parseUuid(who);
  if (id) return accounts.get(id);
  const found = await accounts.withEmail(who);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new UsageError('There is no account with this e-mail.');
  const ids = found.map((account) => `${formatUuid(account.id)}  ${account.provider}`).join('\n');
  throw new UsageError(`Several accounts have this e-mail. Name the one you mean by its id:\n${ids}`);
}

/** The e-mail without what would move the terminal's cursor. */
function shown({ email }: StoredAccount): string {
  return email.replace(/\p{C}/gu, '?');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface Arguments {
  command: 'list' | Change;
  /** Of a change. */
  who: string;
  search?: string;
  limit: number;
  after?: string;
}

function readArguments(args: string[]): Arguments {
  const { values, positionals } = parse(args);
  const [command = '', who, ...rest] = positionals;
  const limit = Number(values.limit ?? LIMIT);
  const after = values.after === undefined ? undefined : parseUuid(values.after);
  if (values.after !== undefined && !after) throw new UsageError('--after takes the id of an account, a UUID');
  if (command !== 'list' && Object.keys(values).length > 0) throw new UsageError(USAGE);
  const isChange = (CHANGES as readonly string[]).includes(command);
  const fits = command === 'list' ? who === undefined : isChange && who !== undefined && rest.length === 0;
  if (!fits || !Number.isInteger(limit) || limit < 1) throw new UsageError(USAGE);
  return { command: command as Arguments['command'], who: who ?? '', search: values.search, limit, after };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({ args, allowPositionals: true, options: { search: text, limit: text, after: text } });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}
