import type { EntityManager } from 'typeorm';
import { binaries } from '../../database/binary.js';
import type { DerivationContext } from '../derive/derive.js';

const HOSTS = 'SELECT LOWER(HEX(id)) AS app, hosts FROM apps WHERE id IN (?) AND hosts IS NOT NULL';
const NONE: DerivationContext = { ownHosts: [] };
/** Lists that are remembered: what is derived with one is remembered by its identity. */
const REMEMBERED = 1000;
const known = new Map<string, DerivationContext>();

/** What the derivation needs to know of apps, by app. */
export type DerivationContexts = (appId: string) => DerivationContext;

/**
 * Own hosts of apps, as MySQL has them now. Read them after the generation of a copy (copy-targets.ts): where they change
 * afterwards, the rebuild that follows raises it, and the copy does not count.
 * @param appIds 32 hex digits each
 */
export async function derivationContexts(
  manager: EntityManager,
  appIds: Iterable<string>,
): Promise<DerivationContexts> {
  const ids = [...new Set(appIds)];
  if (ids.length === 0) return () => NONE;
  const rows: { app: string; hosts: string }[] = await manager.query(HOSTS, [binaries(ids)]);
  const contexts = new Map(rows.map(({ app, hosts }) => [app, contextOf(hosts)]));
  return (appId) => contexts.get(appId) ?? NONE;
}

function contextOf(hosts: string): DerivationContext {
  const found = known.get(hosts);
  if (found) return found;
  const context = { ownHosts: hosts.split(',').filter(Boolean) };
  if (known.size >= REMEMBERED) known.clear();
  known.set(hosts, context);
  return context;
}
