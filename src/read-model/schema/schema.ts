import type { ClickHouseClient } from '@clickhouse/client';
import { formatUuid } from '../../events/event-id.js';
import type { ReadModelStore } from '../read-model-store.js';
import { READ_MODEL_MIGRATIONS } from './migrations.js';

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

const MIGRATIONS = `CREATE TABLE IF NOT EXISTS migrations (name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree ORDER BY name`;
const INSTALLATION = 'CREATE TABLE IF NOT EXISTS installation (id UUID) ENGINE = MergeTree ORDER BY id';
const APPLIED = 'SELECT DISTINCT name FROM migrations ORDER BY name';
const OWNER = 'SELECT toString(id) AS id FROM installation LIMIT 1';
const NOTE_MIGRATION = 'INSERT INTO migrations (name) SELECT {name:String}';
const TAKE = 'INSERT INTO installation SELECT toUUID({id:String})';

/**
 * Makes or updates the tables of the read model. Every statement may be repeated, so one that was cut short is begun again.
 * One process at a time: the caller holds MySQL's named lock.
 * @param store of a user who may change tables @param installation 32 hex digits: MySQL's installation
 * @returns names of the migrations that ran now
 * @throws ForeignReadModelError, NewerReadModelError, errors of ClickHouse
 */
export async function migrateReadModel(store: ReadModelStore, installation: string): Promise<string[]> {
  await store.createDatabase();
  const { client } = store;
  await client.command({ query: INSTALLATION });
  await client.command({ query: MIGRATIONS });
  await take(client, formatUuid(installation));
  const applied = (await rows<{ name: string }>(client, APPLIED)).map(({ name }) => name);
  const known = READ_MODEL_MIGRATIONS.map(({ name }) => name);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new NewerReadModelError(unknown);
  const missing = READ_MODEL_MIGRATIONS.filter(({ name }) => !applied.includes(name));
  for (const { name, statements } of missing) {
    for (const query of statements) await client.command({ query });
    await client.command({ query: NOTE_MIGRATION, query_params: { name } });
  }
  return missing.map(({ name }) => name);
}

/** An empty read model becomes this installation's. @param id with dashes */
async function take(client: ClickHouseClient, id: string): Promise<void> {
  const [owner] = await rows<{ id: string }>(client, OWNER);
  if (!owner) await client.command({ query: TAKE, query_params: { id } });
  else if (owner.id !== id) throw new ForeignReadModelError(owner.id, id);
}

async function rows<Row>(client: ClickHouseClient, query: string): Promise<Row[]> {
  const answer = await client.query({ query, format: 'JSONEachRow' });
  return answer.json<Row>();
}
