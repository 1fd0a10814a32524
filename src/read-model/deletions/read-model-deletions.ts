import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { formatUuid, lowestId } from '../../events/event-id.js';
import { DAY_MS } from '../../events/limits.js';
import { APP_TABLES, type AppTable, ARCHIVED_USERS, EVENT_TABLES, type EventTable } from '../copy-targets.js';
import { ReadModelStore } from '../read-model-store.js';
import { timeField, uint128Field } from '../schema/tab-separated.js';
import { conditions, type DeletionConditions } from './conditions.js';

/** A person whose events go, up to a moment. */
export interface ErasedPerson {
  /** 32 hex digits. */
  appId: string;
  /** One for each kind of user that they may be; 32 hex digits each. */
  userKeys: readonly string[];
  /** ms: events received later stay. */
  receivedUntil: number;
}

/** An app whose old events go. */
export interface ExpiredApp {
  /** 32 hex digits. */
  appId: string;
  /** ms: events whose id tells an earlier time have expired. */
  before: number;
  /** ms: events whose id is of the future have expired if they were received earlier. */
  receivedBefore: number;
}

/** Called while ClickHouse works, so that the caller's lock does not go idle. Throws to stop waiting. */
export type Alive = () => Promise<void>;

const LOOK_EVERY_MS = 100;
const ALIVE_EVERY_MS = 1000;
/** Parts that are no longer in use are removed within seconds, unless a question still reads them. */
const PARTS_GONE_WITHIN_MS = 120_000;

const TABLES = ['deleting_apps', 'deleting_people', 'expiring', 'deleting_parts'] as const;
/** The tables of what is to be deleted. */
type KeyTable = (typeof TABLES)[number];

/** A change, not a question: the engine has it wait for changes only, and copies go on beside it. */
const findParts = (table: AppTable): string =>
  `INSERT INTO deleting_parts SELECT {run:UUID}, _partition_id, _part, count() FROM ${table} WHERE `;
const GROUPED = ' GROUP BY _partition_id, _part';
const FOUND_PARTS = `SELECT partition, part, toString(events) AS events FROM deleting_parts WHERE run = {run:UUID}`;
const ACTIVE_PARTS = `SELECT name, toString(rows) AS events FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active`;
/** With \`_state\` parts are listed until the last of their files is removed. */
const OLD_PARTS = `SELECT name FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND _state != 'Active'`;
const DETACHED_PARTS = `SELECT name FROM system.detached_parts
WHERE database = currentDatabase() AND table = {table:String}`;
const MUTATIONS = `SELECT is_done AS done, latest_fail_reason AS failure FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND position(command, {run:String}) > 0`;
const KILL_UNFINISHED = `KILL MUTATION WHERE database = currentDatabase() AND table IN ('${APP_TABLES.join("', '")}') AND NOT is_done
AND (position(command, 'deleting_') > 0 OR position(command, 'expiring') > 0)`;

interface FoundPart {
  partition: string;
  part: string;
  events: string;
}

/** The read model still holds what was to be deleted, or its files do. To be tried again. */
export class DeletionFailedError extends Error {
  override readonly name = 'DeletionFailedError';
}

/**
 * Deletes rows of the read model for good: by one mutation for all that is to go, until no file holds them. The caller sees to
 * it that only one process does so at a time.
 */
@Injectable()
export class ReadModelDeletions {
  constructor(
    private readonly store: ReadModelStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Deletes all events of apps, and those of people; takes people's keys off events of others. May be repeated.
   * @param apps 32 hex digits each
   * @throws DeletionFailedError, errors of ClickHouse
   */
  async erase(people: readonly ErasedPerson[], apps: readonly string[], alive: Alive): Promise<void> {
    const keys = people.flatMap(({ appId, userKeys, receivedUntil }) =>
      userKeys.map((key) => [formatUuid(appId), uint128Field(key), timeField(receivedUntil)]),
    );
    const appRows = [
      ...apps.map((appId) => [formatUuid(appId), '1']),
      ...[...new Set(people.map(({ appId }) => appId))].map((appId) => [formatUuid(appId), '0']),
    ];
    const tables = await this.tables();
    await this.run({ deleting_people: keys, deleting_apps: appRows }, alive, async (found, run) => {
      for (const table of tables) await this.eraseFrom(table, found, run, alive);
      await this.eraseArchived(found, run, alive);
    });
    for (const table of [...tables, ARCHIVED_USERS] as const) await this.withoutOldFiles(table, alive);
  }

  private async eraseArchived({ archived }: DeletionConditions, run: string, alive: Alive): Promise<void> {
    const found = await this.partsWith(ARCHIVED_USERS, archived, run, alive);
    if (found.length === 0) return;
    await this.mutate(ARCHIVED_USERS, [`DELETE WHERE ${partitionList(found)} AND ${archived}`], run, alive);
    const left = await this.partsWith(ARCHIVED_USERS, archived, run, alive);
    if (left.length > 0) throw new DeletionFailedError('ClickHouse still holds archived users who are to be erased');
  }

  private async eraseFrom(
    table: EventTable,
    { erased, named }: DeletionConditions,
    run: string,
    alive: Alive,
  ): Promise<void> {
    const partsWith = (condition: string): Promise<FoundPart[]> => this.partsWith(table, condition, run, alive);
    const [deleted, kept] = [await partsWith(erased), await partsWith(named)];
    if (deleted.length + kept.length === 0) return;
    const partitions = partitionList([...deleted, ...kept]);
    const commands = [
      ...(deleted.length > 0 ? [`DELETE WHERE ${partitions} AND ${erased}`] : []),
      ...(kept.length > 0 ? [`UPDATE alias_key = toUInt128(0) WHERE ${partitions} AND ${named}`] : []),
    ];
    await this.mutate(table, commands, run, alive);
    const left = [...(await partsWith(erased)), ...(await partsWith(named))];
    if (left.length > 0) throw new DeletionFailedError('ClickHouse still holds events that are to be erased');
  }

  /**
   * Deletes what has expired. A part that holds nothing else is dropped as a whole; an event that arrives meanwhile is in
   * another part.
   * @param now ms
   * @returns events deleted
   */
  async expire(apps: readonly ExpiredApp[], now: number, alive: Alive): Promise<number> {
    if (apps.length === 0) return 0;
    const rows = apps.map(({ appId, before, receivedBefore }) => [
      formatUuid(appId),
      uint128Field(lowestId(before).toString('hex')),
      timeField(receivedBefore),
    ]);
    const appRows = apps.map(({ appId }) => [formatUuid(appId), '0']);
    const bounds = {
      lowestKept: uint128Field(lowestId(Math.max(...apps.map(({ before }) => before))).toString('hex')),
      future: uint128Field(lowestId(now + DAY_MS).toString('hex')),
    };
    const tables = await this.tables();
    return this.run({ expiring: rows, deleting_apps: appRows }, alive, async ({ expired }, run) => {
      let deleted = 0;
      for (const table of tables) deleted += await this.expireFrom(table, expired(bounds), run, alive);
      return deleted;
    });
  }

  private async expireFrom(table: EventTable, condition: string, run: string, alive: Alive): Promise<number> {
    let deleted = 0;
    const mixed: FoundPart[] = [];
    const found = await this.partsWith(table, condition, run, alive);
    const parts = await this.store.ask<{ name: string; events: string }>(ACTIVE_PARTS, { table });
    const active = new Map(parts.map(({ name, events }) => [name, events]));
    for (const one of found) {
      deleted += Number(one.events);
      // Merged meanwhile, or with rows that are kept.
      if (active.get(one.part) !== one.events || !(await this.dropPart(table, one.part))) mixed.push(one);
    }
    if (mixed.length > 0) {
      await this.mutate(table, [`DELETE WHERE ${partitionList(mixed)} AND ${condition}`], run, alive);
    }
    return deleted;
  }

  /** The table that answers, and the one that is being filled, if any: the caller's lock keeps them from changing places. */
  private async tables(): Promise<EventTable[]> {
    const there = await Promise.all(EVENT_TABLES.map((table) => this.store.idOf(table)));
    return EVENT_TABLES.filter((_table, place) => there[place] !== undefined);
  }

  /** Fills the tables of keys for the work, and empties them afterwards. */
  private async run<T>(
    rows: Partial<Record<KeyTable, string[][]>>,
    alive: Alive,
    work: (found: DeletionConditions, run: string) => Promise<T>,
  ): Promise<T> {
    // What a process that died has left must not go on with tables that are filled anew.
    await this.store.client.command({ query: KILL_UNFINISHED });
    await this.empty();
    const run = randomUUID();
    try {
      for (const [table, values] of Object.entries(rows)) {
        await this.store.insertFields(
          table,
          values.map((fields) => [run, ...fields]),
        );
        await alive();
      }
      return await work(conditions(this.store.address.database, run), run);
    } finally {
      await this.empty();
    }
  }

  private async empty(): Promise<void> {
    for (const table of TABLES) await this.store.client.command({ query: `TRUNCATE TABLE ${table}` });
  }

  private async partsWith(table: AppTable, condition: string, run: string, alive: Alive): Promise<FoundPart[]> {
    await this.store.client.command({ query: 'TRUNCATE TABLE deleting_parts' });
    const query = findParts(table) + condition + GROUPED;
    await during(this.store.patient.command({ query, query_params: { run } }), alive);
    return this.store.ask<FoundPart>(FOUND_PARTS, { run });
  }

  /** @returns false where the part has been merged into another */
  private async dropPart(table: AppTable, name: string): Promise<boolean> {
    try {
      await this.store.client.command({ query: `ALTER TABLE ${table} DROP PART ${quoted(name)}` });
      return true;
    } catch (error) {
      this.logger.debug({ err: error, part: name }, 'A part was merged before it could be dropped');
      return false;
    }
  }

  /** Runs one mutation to its end, however long that takes. */
  private async mutate(table: AppTable, commands: readonly string[], run: string, alive: Alive): Promise<void> {
    const query = `ALTER TABLE ${table} ${commands.join(', ')} SETTINGS mutations_sync = 0`;
    await this.store.client.command({ query });
    for (;;) {
      const found = await this.store.ask<{ done: number; failure: string }>(MUTATIONS, { run, table });
      const failure = found.find((one) => one.failure !== '')?.failure;
      if (found.length === 0 || failure !== undefined) {
        await this.store.client.command({ query: KILL_UNFINISHED });
        throw new DeletionFailedError(`ClickHouse could not delete rows: ${failure ?? 'the mutation was ended'}`);
      }
      if (found.every(({ done }) => Number(done) === 1)) return;
      await wait(LOOK_EVERY_MS);
      await alive();
    }
  }

  /**
   * Waits until the files of parts that are no longer in use are gone, whoever made them so: an earlier run may have ended
   * before. Broken parts, which ClickHouse puts aside when it starts, are of no use here: MySQL has every event.
   */
  private async withoutOldFiles(table: AppTable, alive: Alive): Promise<void> {
    for (const { name } of await this.store.ask<{ name: string }>(DETACHED_PARTS, { table })) {
      this.logger.warn({ part: name }, 'Removed a part that ClickHouse had put aside');
      await this.store.client.command({
        query: `ALTER TABLE ${table} DROP DETACHED PART ${quoted(name)} SETTINGS allow_drop_detached = 1`,
      });
    }
    const deadline = Date.now() + PARTS_GONE_WITHIN_MS;
    const names = async (): Promise<string[]> =>
      (await this.store.ask<{ name: string }>(OLD_PARTS, { table })).map(({ name }) => name);
    for (let old = new Set(await names()); old.size > 0;) {
      if (Date.now() > deadline)
        throw new DeletionFailedError('ClickHouse keeps files of parts that are no longer in use');
      await wait(LOOK_EVERY_MS);
      await alive();
      // Others may have gone out of use since; what was to be erased was not in them.
      old = new Set((await names()).filter((name) => old.has(name)));
    }
  }
}

/** Stays alive until the work has ended. */
async function during<T>(work: Promise<T>, alive: Alive): Promise<T> {
  const ended = new AbortController();
  const settled = work.finally(() => ended.abort());
  // Whoever stops waiting below leaves it to end by itself.
  settled.catch(() => undefined);
  while (!ended.signal.aborted) {
    await wait(ALIVE_EVERY_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    if (!ended.signal.aborted) await alive();
  }
  return settled;
}

/** Ids of partitions are digits, as the table's key makes them. */
function partitionList(parts: readonly FoundPart[]): string {
  const ids = [...new Set(parts.map(({ partition }) => partition))].sort();
  return `_partition_id IN (${ids.map(quoted).join(', ')})`;
}

/** Names that ClickHouse itself gave. */
function quoted(name: string): string {
  return `'${name.replace(/[\\']/g, '\\$&')}'`;
}
