import type { ServerCount, Topology } from './topology.js';

const ONE_SERVER: ServerCount = { servers: 1, replicas: 1 };
/** A cluster may be given more servers while this runs. */
const KEPT_MS = 10_000;

/** The cluster is not one over which events can be spread. */
export class ClusterUnusableError extends Error {
  override readonly name = 'ClusterUnusableError';
}

/** Knows how many servers hold the tables. */
export class ServerCounter {
  private known?: { count: ServerCount; until: number };

  /** @param ask answers a SELECT */
  constructor(
    private readonly topology: Topology,
    private readonly ask: (query: string) => Promise<ShardRow[]>,
  ) {}

  /** @throws ClusterUnusableError, errors of ClickHouse */
  async count(): Promise<ServerCount> {
    const { countServers } = this.topology;
    if (countServers === undefined) return ONE_SERVER;
    const now = performance.now();
    if (!this.known || this.known.until < now) {
      this.known = { count: serverCount(await this.ask(countServers)), until: now + KEPT_MS };
    }
    return this.known.count;
  }
}

/** A shard of the cluster, as ClickHouse tells of it. */
export interface ShardRow {
  shard: string;
  replicas: string;
}

/** @throws ClusterUnusableError */
export function serverCount(shards: readonly ShardRow[]): ServerCount {
  const replicas = Number(shards[0]?.replicas ?? 0);
  if (replicas === 0) {
    throw new ClusterUnusableError(
      'CLICKHOUSE_CLUSTER names a cluster that the configuration of ClickHouse does not have',
    );
  }
  // An insert states how many replicas must have it, and that is one number for all shards.
  if (shards.some((shard) => Number(shard.replicas) !== replicas)) {
    throw new ClusterUnusableError('The shards of CLICKHOUSE_CLUSTER have different numbers of replicas');
  }
  return { servers: shards.length * replicas, replicas };
}
