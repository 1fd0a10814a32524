import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../../src/read-model/schema/topology.js';

/** A cluster of one shard with one replica, which is the engine itself. */
export const CLUSTER = 'one-shard';
/** Nobody listens there: ClickHouse knows by its own port that the replica is itself. */
const PORT = 9000;

/** Writes the cluster into the configuration of an engine that is not started yet. @param folder its DATA_DIR */
export function configureCluster(folder: string): void {
  const merged = join(folder, 'run', 'conf.d');
  mkdirSync(merged, { recursive: true });
  const replica = `<replica><host>127.0.0.1</host><port>${PORT}</port></replica>`;
  const shard = `<shard><internal_replication>true</internal_replication>${replica}</shard>`;
  const servers = `<remote_servers><${CLUSTER}>${shard}</${CLUSTER}></remote_servers>`;
  writeFileSync(join(merged, 'cluster.xml'), `<clickhouse><tcp_port>${PORT}</tcp_port>${servers}</clickhouse>\n`);
}

/**
 * The statements of a cluster without what needs a Keeper, which the engine has not: ON CLUSTER, and replication. Rows of keys go
 * into the table itself, since the engine takes rows for tables only. Distributed tables, the reading function
 * `clusterAllReplicas()` and all else stay.
 */
export function withoutKeeper(topology: Topology): Topology {
  return new Proxy(topology, {
    get(target, name) {
      if (name === 'catchUp') return undefined;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return plain(value);
      return (...given: unknown[]) => plain((value as (...args: unknown[]) => unknown).apply(target, given));
    },
  });
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  }
  if (typeof value !== 'string') return value;
  return value
    .replaceAll(` ON CLUSTER \`${CLUSTER}\``, '')
    .replaceAll(/Replicated(\w*MergeTree)\('[^']*', '[^']*'\)/g, '$1')
    .replace(/^FUNCTION clusterAllReplicas\('[^']*', '[^']*', '(\w+)'\)$/, '$1')
    .replaceAll(/\breplicated_deduplication_window = /g, 'non_replicated_deduplication_window = ');
}
