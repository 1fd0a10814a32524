import { type EntityManager, Repository } from 'typeorm';
import { binaries, binary } from '../../database/binary.js';
import type { ReadModelState } from '../../database/entities/index.js';
import { columnNames, EVENT_FIELDS } from '../../events/event-columns.js';
import { derivationContexts } from '../projection/own-hosts.js';
import type { DerivationContext } from '../derive/derive.js';
import { REBUILD } from '../copy-targets.js';
import { storedEvent, type StoredEventFields, type StoredRow } from '../../events/stored-event.js';

/** A rebuild is of all apps: it does not follow each change of one app's hosts, but the last rebuild by that much, seconds. */
const HOSTS_PAUSE_S = 600;
const STATE = `SELECT enabled, complete_at AS completeAt, LOWER(HEX(filled_app)) AS app, LOWER(HEX(filled_id)) AS id, filled,
  rebuild_ordered AS rebuildOrdered, rebuild_stage AS rebuildStage, LOWER(HEX(next_table)) AS nextTable,
  hosts_changed = 1 AND complete_at < NOW(3) - INTERVAL ${HOSTS_PAUSE_S} SECOND AS hostsAreDue
FROM read_model WHERE id = 1`;
const ADVANCE = 'UPDATE read_model SET filled_app = ?, filled_id = ?, filled = filled + ? WHERE id = 1';
const COMPLETE = 'UPDATE read_model SET complete_at = NOW(3) WHERE id = 1 AND enabled = 1';
/** Whatever was sent before does not count, since it went into a table that is filled anew or not asked any more. */
const BEGIN = `UPDATE read_model SET complete_at = NULL, filled_app = NULL, filled_id = NULL, filled = 0, rebuild_ordered = 0,
  hosts_changed = 0, rebuild_stage = ${REBUILD.none}, next_table = NULL, generation = generation + 1 WHERE id = 1`;
const BEGIN_NEXT = `UPDATE read_model SET filled_app = NULL, filled_id = NULL, filled = 0, rebuild_ordered = 0,
  hosts_changed = 0, rebuild_stage = ${REBUILD.filling}, next_table = ?, generation = generation + 1 WHERE id = 1`;
const BEGIN_EXCHANGE = `UPDATE read_model SET rebuild_stage = ${REBUILD.exchanging}, generation = generation + 1
WHERE id = 1 AND rebuild_stage = ${REBUILD.filling} AND rebuild_ordered = 0`;
const END_EXCHANGE = `UPDATE read_model SET rebuild_stage = ${REBUILD.none}, next_table = NULL, complete_at = NOW(3),
  generation = generation + 1 WHERE id = 1`;
const ENABLE = 'UPDATE read_model SET enabled = 1 WHERE id = 1 AND enabled = 0';
const INCOMPLETE = 'UPDATE read_model SET complete_at = NULL WHERE id = 1';
const ORDER_REBUILD = 'UPDATE read_model SET rebuild_ordered = 1 WHERE id = 1 AND enabled = 1';
/** What is packed around the ids of an app takes 20 bytes: the number is a little too high. */
const WAITING =
  'SELECT COALESCE(SUM(LENGTH(event_ids) DIV 16), 0) AS events, MIN(oldest_receipt) AS oldest FROM outbox';
const NEXT_APP = 'SELECT app_id AS app FROM events WHERE app_id > ? ORDER BY app_id LIMIT 1';
const IN_OUTBOX = 'SELECT batch_id AS batchId FROM outbox';
const EVENTS = `SELECT ${columnNames(EVENT_FIELDS)} FROM events WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?`;
const TOTAL = `SELECT COALESCE(SUM(counted.n), 0) AS n FROM (SELECT DISTINCT app_id FROM event_summary) apps
JOIN event_summary counted ON counted.app_id = apps.app_id AND counted.event = ''`;
const KNOWN_BATCHES = 'SELECT batch_id AS batchId FROM ingest_batches WHERE batch_id IN (?)';

/** Events of a piece: of the largest, with 32 KiB of metadata each, 64 MiB. */
const PIECE_EVENTS = 2000;

/** Where the filling is: the last event that was looked at; 32 hex digits each. */
export interface FillCursor {
  app: string;
  id: string;
}

export interface FillState {
  enabled: boolean;
  /** Since when the read model has every committed event but those in the outbox. */
  completeAt: Date | null;
  cursor: FillCursor | undefined;
  /** Events that were looked at. */
  filled: number;
  /** The copy is to be filled anew. */
  rebuildOrdered: boolean;
  /** Own hosts of an app have changed, and the copy was not filled anew lately. */
  hostsAreDue: boolean;
  /** One of {@link REBUILD}. */
  rebuildStage: number;
  /** ClickHouse's id of the table that is filled beside the one that answers, 32 hex digits. */
  nextTable: string | undefined;
}

/** A piece of MySQL's events in one snapshot. */
export interface FillPiece {
  /** Of one app, in ascending order of their ids; without those whose copy the outbox will see to. */
  events: StoredEventFields[];
  /** Of the last event that was read. */
  cursor: FillCursor;
  /** What the derivation needs to know of the app. */
  context: DerivationContext;
  /** Events read, those of the outbox included. */
  read: number;
  /** Ids of events whose copy the outbox will see to. */
  inOutbox: ReadonlySet<string>;
}

interface StateRow {
  enabled: number;
  completeAt: Date | null;
  app: string | null;
  id: string | null;
  filled: string;
  rebuildOrdered: number;
  rebuildStage: number;
  hostsAreDue: number | string | null;
  nextTable: string | null;
}

/** Owns the SQL by which the read model is filled from MySQL. */
export class FillRepository extends Repository<ReadModelState> {
  async state(): Promise<FillState> {
    const [row]: StateRow[] = await this.manager.query(STATE);
    const { enabled, completeAt, app, id, filled, rebuildOrdered, rebuildStage, nextTable, hostsAreDue } = row!;
    const cursor = app !== null && id !== null ? { app, id } : undefined;
    return {
      enabled: Number(enabled) === 1,
      completeAt,
      cursor,
      filled: Number(filled),
      rebuildOrdered: Number(rebuildOrdered) === 1,
      rebuildStage: Number(rebuildStage),
      hostsAreDue: Number(hostsAreDue ?? 0) === 1,
      nextTable: nextTable ?? undefined,
    };
  }

  async advance({ app, id }: FillCursor, read: number): Promise<void> {
    await this.manager.query(ADVANCE, [binary(app), binary(id), read]);
  }

  async complete(): Promise<void> {
    await this.manager.query(COMPLETE);
  }

  /** Has the table that answers filled from the beginning; meanwhile MySQL answers. */
  async beginAgain(): Promise<void> {
    await this.manager.query(BEGIN);
  }

  /** Has a second table filled from the beginning, while the first one answers. @param table ClickHouse's id of it */
  async beginNext(table: string): Promise<void> {
    await this.manager.query(BEGIN_NEXT, [binary(table)]);
  }

  /** Nothing is copied until {@link endExchange}. @returns false where the second table is to be filled anew instead */
  async beginExchange(): Promise<boolean> {
    const { affectedRows }: { affectedRows: number } = await this.manager.query(BEGIN_EXCHANGE);
    return affectedRows > 0;
  }

  /** The second table has taken the place of the first. */
  async endExchange(): Promise<void> {
    await this.manager.query(END_EXCHANGE);
  }

  /** From now on each commit leaves a row in the outbox. @returns whether that is new */
  async enable(): Promise<boolean> {
    const { affectedRows }: { affectedRows: number } = await this.manager.query(ENABLE);
    return affectedRows > 0;
  }

  /** Questions are answered by MySQL until the read model was compared again. */
  async doubt(): Promise<void> {
    await this.manager.query(INCOMPLETE);
  }

  /** Has a worker fill the copy anew; the old one answers until then. */
  async orderRebuild(): Promise<void> {
    await this.manager.query(ORDER_REBUILD);
  }

  /** How many events are in the outbox, roughly, and when the oldest was received. */
  async waiting(): Promise<{ events: number; oldest: Date | null }> {
    const [row]: { events: string; oldest: Date | null }[] = await this.manager.query(WAITING);
    return { events: Number(row!.events), oldest: row!.oldest };
  }

  /** How many events are counted, expired ones that are kept in counts included: for progress. */
  async total(): Promise<number> {
    const [row]: { n: string }[] = await this.manager.query(TOTAL);
    return Number(row!.n);
  }

  /** Those of the batches that the ledger knows. @param batchIds 32 hex digits each, at least one */
  async knownBatches(batchIds: readonly string[]): Promise<Set<string>> {
    const rows: { batchId: Buffer }[] = await this.manager.query(KNOWN_BATCHES, [binaries(batchIds)]);
    return new Set(rows.map(({ batchId }) => batchId.toString('hex')));
  }

  /**
   * The events that follow a place, and the outbox, as of one moment: an event is in the piece, or in the outbox, or copied
   * already, or committed later and then in the outbox.
   * @returns undefined at the end of the table
   */
  async nextPiece(after: FillCursor | undefined): Promise<FillPiece | undefined> {
    return this.manager.connection.transaction('REPEATABLE READ', async (manager) => {
      const outbox: { batchId: Buffer }[] = await manager.query(IN_OUTBOX);
      let app = after?.app;
      let rows = after ? await eventsAfter(manager, after) : [];
      while (rows.length === 0) {
        app = await appAfter(manager, app);
        if (app === undefined) return undefined;
        rows = await eventsAfter(manager, { app, id: '' });
      }
      const batches = new Set(outbox.map(({ batchId }) => batchId.toString('hex')));
      const all = rows.map(storedEvent);
      const inOutbox = new Set(all.filter(({ batchId }) => batches.has(batchId)).map(({ id }) => id));
      const events = all.filter(({ id }) => !inOutbox.has(id));
      const context = (await derivationContexts(manager, [app!]))(app!);
      return { events, context, cursor: { app: app!, id: all.at(-1)!.id }, read: all.length, inOutbox };
    });
  }
}

async function appAfter(manager: EntityManager, app: string | undefined): Promise<string | undefined> {
  const [row]: { app: Buffer }[] = await manager.query(NEXT_APP, [binary(app ?? '')]);
  return row?.app.toString('hex');
}

function eventsAfter(manager: EntityManager, { app, id }: FillCursor): Promise<StoredRow[]> {
  return manager.query(EVENTS, [binary(app), binary(id), PIECE_EVENTS]);
}
