import type { EnvReader } from './env-reader.js';
import { decoder, refuseUnknown } from './service-url.js';

/** An account of ClickHouse. */
export interface ClickhouseUser {
  user: string;
  password: string;
}

/** The ClickHouse that holds the read model: a server, or the engine that `npm start` runs. */
export interface ReadModelAddress {
  /** Scheme, host and port, as in http://127.0.0.1:8123. */
  url: string;
  database: string;
  /** Asks questions, and needs to read only. */
  questions: ClickhouseUser;
  /** Makes tables, copies and deletes. In the API process it is the same as `questions`, since the API only asks. */
  copying: ClickhouseUser;
  /** The cluster over which the tables are spread, by its name in the servers' configuration. Undefined: one server. */
  cluster?: string;
}

const DATABASE = 'tallystone';
/** ClickHouse refuses names of clusters with a dot. Others stand in statements, so none needs escaping. */
const CLUSTER = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * CLICKHOUSE_URL, whose user asks questions, and CLICKHOUSE_COPY_URL, which names another user of the same database. Without
 * the second, one user does both.
 * @param role `api` does not read the second: what the API asks needs no right to write
 * @returns undefined where there is no ClickHouse
 */
export function readClickhouseUrls(
  reader: EnvReader,
  role: 'api' | 'worker' | 'command',
): ReadModelAddress | undefined {
  const askText = reader.secret('CLICKHOUSE_URL');
  const asking = readUrl(reader, 'CLICKHOUSE_URL', askText);
  const copyText = role === 'api' ? undefined : reader.secret('CLICKHOUSE_COPY_URL');
  const copying = readUrl(reader, 'CLICKHOUSE_COPY_URL', copyText);
  if (copying && askText === undefined) {
    reader.fault('CLICKHOUSE_COPY_URL', 'needs CLICKHOUSE_URL beside it, which names who asks');
  }
  const cluster = readCluster(reader, askText !== undefined);
  if (!asking) return undefined;
  const { url, database, user: questions } = asking;
  if (copying && (copying.url !== url || copying.database !== database)) {
    reader.fault('CLICKHOUSE_COPY_URL', 'must name the same server and database as CLICKHOUSE_URL');
  }
  return {
    url,
    database,
    questions,
    copying: copying?.user ?? questions,
    ...(cluster === undefined ? {} : { cluster }),
  };
}

/** @param hasServer whether CLICKHOUSE_URL is set */
function readCluster(reader: EnvReader, hasServer: boolean): string | undefined {
  const cluster = reader.text('CLICKHOUSE_CLUSTER');
  if (cluster === undefined) return undefined;
  if (!CLUSTER.test(cluster)) {
    reader.fault('CLICKHOUSE_CLUSTER', 'must be the name of a cluster: up to 64 letters, digits, _ and -');
  } else if (!hasServer) {
    reader.fault('CLICKHOUSE_CLUSTER', 'needs CLICKHOUSE_URL beside it, which names a server of the cluster');
  }
  return cluster;
}

/** `https://user:password@host:8443/database`. The database may be left out. */
function readUrl(
  reader: EnvReader,
  name: string,
  value: string | undefined,
): { url: string; database: string; user: ClickhouseUser } | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    reader.fault(
      name,
      "must be the address of ClickHouse's HTTP interface, as in http://user:password@host:8123/database",
    );
    return undefined;
  }
  refuseUnknown(reader, name, url, []);
  const [user, password, path] = [url.username, url.password, url.pathname].map(decoder(reader, name));
  if (user === undefined || password === undefined || path === undefined) return undefined;
  const database = path.replace(/^\/|\/$/g, '') || DATABASE;
  if (!/^[A-Za-z_]\w{0,63}$/.test(database) || /^(system|information_schema)$/i.test(database)) {
    reader.fault(name, 'must end in the name of a database of its own (letters, digits and _)');
    return undefined;
  }
  return { url: url.origin, database, user: { user: user || 'default', password } };
}
