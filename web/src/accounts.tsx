import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, data, type Person, type Schemas } from './api.js';
import { Confirm } from './confirm.js';
import { More, useCursorPages } from './cursor-pages.js';
import { counted, since } from './format.js';
import { Failure, Loading, NumberCell } from './panels.js';

type Account = Schemas['AccountDto'];

const BARS: Record<NonNullable<Account['bar']>, string> = {
  locked: 'Locked',
  local_off: 'Refused: local sign-in is off',
  not_allowed: 'Refused: not in SIGN_IN_ALLOW',
};

/** The accounts of the installation, for operators: found, locked, unlocked, their keys revoked. */
export function Accounts({ person }: { person: Person }) {
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  const { query: accounts, rows } = useCursorPages(['accounts', search], (at) =>
    data(
      api.GET('/api/operation/accounts', { params: { query: { limit: 20, ...(search ? { search } : {}), ...at } } }),
    ),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSearch(typed.trim());
  };
  return (
    <section className="panel">
      <h2>Accounts, for operators</h2>
      <form onSubmit={submit} className="inline">
        <label>
          Part of an e-mail or name, or an id
          <input type="search" value={typed} onChange={(event) => setTyped(event.target.value)} maxLength={320} />
        </label>
        <button type="submit">Find</button>
      </form>
      <Loading query={accounts} />
      {accounts.error && <Failure error={accounts.error} retry={() => void accounts.refetch()} />}
      {accounts.data && rows.length === 0 && <p className="muted">No account holds this text.</p>}
      {rows.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Accounts">
          <table>
            <thead>
              <tr>
                <th scope="col">E-mail</th>
                <th scope="col">Name</th>
                <th scope="col" className="number">
                  Apps
                </th>
                <th scope="col">Last sign-in</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span className="hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((account) => (
                <AccountRow key={account.id} account={account} isOwn={account.id === person.id} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More query={accounts} />
    </section>
  );
}

function AccountRow({ account, isOwn }: { account: Account; isOwn: boolean }) {
  const { id, email, name, apps, bar, lockedAt } = account;
  const queries = useQueryClient();
  const params = { path: { id } };
  const [revoked, setRevoked] = useState<number>();
  const again = () => queries.invalidateQueries({ queryKey: ['accounts'] });
  const lock = async () => {
    await data(api.POST('/api/operation/accounts/{id}/lock', { params }));
    await again();
  };
  const unlock = useMutation({
    mutationFn: () => data(api.POST('/api/operation/accounts/{id}/unlock', { params })),
    onSuccess: again,
  });
  const revoke = async () => {
    setRevoked((await data(api.POST('/api/operation/accounts/{id}/revoke-keys', { params }))).revoked);
  };
  return (
    <tr className={bar ? 'over' : undefined}>
      <th scope="row">{email}</th>
      <td>{name}</td>
      <NumberCell n={apps} />
      <td>{since(account.lastSignInAt)}</td>
      <td>
        {bar ? BARS[bar] : 'Good'}
        {lockedAt && ` ${since(lockedAt)}`}
        {revoked !== undefined && <span role="status"> · {counted(revoked, 'key')} revoked</span>}
        {unlock.error && <Failure error={unlock.error} />}
      </td>
      <td className="actions">
        {lockedAt ? (
          <button type="button" className="quiet" onClick={() => unlock.mutate()} disabled={unlock.isPending}>
            Unlock
          </button>
        ) : isOwn ? (
          <span className="muted">You</span>
        ) : (
          <Confirm name={`lock:${id}`} open="Lock" title={`Lock ${email}`} action="Lock account" run={lock}>
            Within a second it is signed out everywhere, its API keys are refused, and it cannot sign in until you
            unlock it. What was counted stays.
          </Confirm>
        )}
        <Confirm
          name={`revoke-keys:${id}`}
          open="Revoke keys"
          title={`Revoke the keys of ${email}`}
          action="Revoke all keys"
          run={revoke}
        >
          Everything that uses an API key of {isOwn ? 'your own' : 'this'} account is refused from now on. This cannot
          be undone.
        </Confirm>
      </td>
    </tr>
  );
}
