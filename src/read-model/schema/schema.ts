import { ClickHouseError } from '@clickhouse/client';
import type { DataSource, QueryRunner } from 'typeorm';
import { formatUuid } from '../../events/event-id.js';
import type { ReadModelStore } from '../read-model-store.js';

/** The read model holds the events of another installation. Nothing in it was changed. */
export class ForeignReadModelError extends Error {
  constructor(found: string, own: string) {
    super(
      `The read model in ClickHouse belongs to installation ${found}, and this is ${own}: two installations must not share ` +
        'one. Name another database in CLICKHOUSE_URL, or drop this one if its installation is gone.',
    );
    this.name = 'ForeignReadModelError';
  }
}

/** The read model was changed by a newer release. */
export class NewerReadModelError extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `The read model in ClickHouse is newer than this code (${unknown.join(', ')}). Run the newer release, or drop the ` +
        'database: it is then filled again from MySQL.',
    );
    this.name = 'NewerReadModelError';
  }
}

/** The tables are spread over a cluster and CLICKHOUSE_CLUSTER does not say so, or the other way round. Nothing was changed. */
export class OtherTopologyError extends Error {
  constructor(isCluster: boolean) {
    super(
      (isCluster
        ? 'CLICKHOUSE_CLUSTER is set, and the tables of the read model are on one server only'
        : 'The tables of the read model are spread over a cluster, and CLICKHOUSE_CLUSTER does not name it') +
        '. Name another database in CLICKHOUSE_URL, or drop this one: it is filled again from MySQL.',
    );
    this.name = 'OtherTopologyError';
  }
}

const ENGINE_OF_EVENTS = `SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'events'`;
const APPLIED = 'SELECT DISTINCT name FROM migrations ORDER BY name';
const OWNER = 'SELECT toString(id) AS id FROM installation LIMIT 1';
const NOTE_MIGRATION = 'INSERT INTO migrations (name) SELECT {name:String}';
const TAKE = 'INSERT INTO installation SELECT toUUID({id:String})';

/** ClickHouse's names of errors: somebody deleted it. */
const MISSING: ReadonlySet<string> = new Set(['UNKNOWN_DATABASE', 'UNKNOWN_TABLE']);
/** Of MySQL. */
const OWN = 'SELECT LOWER(HEX(id)) AS id FROM installation';

/**
 * Makes or updates the tables of the read model. Every statement may be repeated, so one that was cut short is begun again.
 * @param runner holds MySQL's lock `read-model-schema`: one process at a time does this
 * @param store of a user who may change tables
 * @param onEmpty called where nothing is there, before the read model becomes this installation's: whatever MySQL says of what is
 *   copied is not true then
 * @returns names of the migrations that ran now
 * @throws ForeignReadModelError, NewerReadModelError, OtherTopologyError, errors of ClickHouse
 */
export async function migrateReadModel(
  runner: QueryRunner,
  store: ReadModelStore,
  onEmpty: () => Promise<void>,
): Promise<string[]> {
  await store.createDatabase();
  const { topology } = store;
  const [events] = await store.ask<{ engine: string }>(ENGINE_OF_EVENTS);
  if (events && topology.isOther(events.engine)) throw new OtherTopologyError(topology.countServers !== undefined);
  await store.run(topology.createOwnTables);
  const [own]: { id: string }[] = await runner.query(OWN);
  const id = formatUuid(own!.id);
  const [owner] = await store.ask<{ id: string }>(OWNER);
  if (owner && owner.id !== id) throw new ForeignReadModelError(owner.id, id);
  const applied = (await store.ask<{ name: string }>(APPLIED)).map(({ name }) => name);
  const known = topology.migrations.map(({ name }) => name);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new NewerReadModelError(unknown);
  const missing = topology.migrations.filter(({ name }) => !applied.includes(name));
  for (const { name, statements } of missing) {
    await store.run(statements);
    await store.insertOwn(NOTE_MIGRATION, { name });
  }
  if (!owner) {
    await onEmpty();
    await store.insertOwn(TAKE, { id });
  }
  return missing.map(({ name }) => name);
}

/** Whether the read model is there, and this installation's. @param dataSource of MySQL @throws errors of ClickHouse */
export async function isOwnReadModel(dataSource: DataSource, store: ReadModelStore): Promise<boolean> {
  const [own]: { id: string }[] = await dataSource.query(OWN);
  try {
    const [owner] = await store.ask<{ id: string }>(OWNER);
    return owner?.id === formatUuid(own!.id);
  } catch (error) {
    if (error instanceof ClickHouseError && MISSING.has(error.type ?? '')) return false;
    throw error;
  }
}
