import type { ReadModelAddress } from '../../config/clickhouse-url.js';
import { Cluster } from './cluster.js';
import { SingleServer } from './single-server.js';
import type { Topology } from './topology.js';

/** How statements are written for the servers that an address names. */
export function topologyOf({ cluster, database }: Pick<ReadModelAddress, 'cluster' | 'database'>): Topology {
  return cluster === undefined ? new SingleServer() : new Cluster(cluster, database);
}
