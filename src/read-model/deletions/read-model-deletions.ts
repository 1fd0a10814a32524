import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { formatUuid, lowestId } from '../../events/event-id.js';
import { DAY_MS } from '../../events/limits.js';
import { type AppTable, ARCHIVED_USERS, EVENT_TABLES, type EventTable } from '../copy-targets.js';
import { ReadModelStore } from '../read-model-store.js';
import type { KeyTable } from '../schema/migrations.js';
import { quoted } from '../schema/sql-literal.js';
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
const HEARD_OF_WITHIN_MS = 60_000;

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
    const found = await this.partsWith(table, condition, run, alive);
    const mixed = await this.dropWhole(table, found);
    if (mixed.length > 0) {
      await this.mutate(table, [`DELETE WHERE ${partitionList(mixed)} AND ${condition}`], run, alive);
    }
    const { replicas } = await this.store.countServers();
    return Math.round(found.reduce((sum, { events }) => sum + Number(events), 0) / replicas);
  }

  /** Drops parts that hold nothing else than what was found in them. @returns the others */
  private async dropWhole(table: AppTable, found: readonly FoundPart[]): Promise<readonly FoundPart[]> {
    const { parts } = this.store.topology;
    if (!parts) return found;
    const mixed: FoundPart[] = [];
    const rows = await this.store.ask<{ name: string; events: string }>(parts.active, { table });
    const active = new Map(rows.map(({ name, events }) => [name, events]));
    for (const one of found) {
      // Merged meanwhile, or with rows that are kept.
      const isMixed = active.get(one.part) !== one.events;
      if (isMixed || !(await this.dropPart(parts.drop(table, one.part), one.part))) mixed.push(one);
    }
    return mixed;
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
    await this.killUnfinished();
    await this.empty();
    const run = randomUUID();
    try {
      for (const [table, values] of Object.entries(rows)) {
        await this.store.insertKeys(
          table as KeyTable,
          values.map((fields) => [run, ...fields]),
        );
        await alive();
      }
      return await work(conditions(this.store.address.database, run), run);
    } finally {
      await this.empty();
    }
  }

  private empty(): Promise<void> {
    return this.store.run(this.store.topology.emptyKeys);
  }

  private killUnfinished(): Promise<void> {
    return this.store.run([this.store.topology.killUnfinished]);
  }

  private async partsWith(table: AppTable, condition: string, run: string, alive: Alive): Promise<FoundPart[]> {
    const { note, found } = this.store.topology.searchParts(table, condition);
    if (note === undefined) return during(this.store.askPatiently<FoundPart>(found), alive);
    await this.store.client.command({ query: 'TRUNCATE TABLE deleting_parts' });
    await during(this.store.patient.command({ query: note, query_params: { run } }), alive);
    return this.store.ask<FoundPart>(found, { run });
  }

  /** @returns false where the part has been merged into another */
  private async dropPart(query: string, part: string): Promise<boolean> {
    try {
      await this.store.client.command({ query });
      return true;
    } catch (error) {
      this.logger.debug({ err: error, part }, 'A part was merged before it could be dropped');
      return false;
    }
  }

  /** Runs one mutation to its end, however long that takes. */
  private async mutate(table: AppTable, commands: readonly string[], run: string, alive: Alive): Promise<void> {
    const { topology } = this.store;
    const { servers } = await this.store.countServers();
    await this.store.run([topology.mutation(table, commands.join(', '), 'mutations_sync = 0')]);
    const begun = Date.now();
    for (let known = 0; ;) {
      const query = topology.mutations(table, run);
      const found = await this.store.ask<{ done: number; failure: string }>(query, { run, table });
      const failure = found.find((one) => one.failure !== '')?.failure;
      // A replica hears of it a moment later. Where it was heard of and is gone, somebody has ended it.
      const isLate = found.length < servers && (servers === 1 || Date.now() - begun > HEARD_OF_WITHIN_MS);
      if (found.length < known || isLate || failure !== undefined) {
        await this.killUnfinished();
        throw new DeletionFailedError(`ClickHouse could not delete rows: ${failure ?? 'the mutation was ended'}`);
      }
      if (found.length >= servers && found.every(({ done }) => Number(done) === 1)) return;
      known = found.length;
      await wait(LOOK_EVERY_MS);
      await alive();
    }
  }

  /**
   * Waits until the files of parts that are no longer in use are gone, whoever made them so: an earlier run may have ended
   * before. Broken parts, which ClickHouse puts aside when it starts, are of no use here: MySQL has every event.
   */
  private async withoutOldFiles(table: AppTable, alive: Alive): Promise<void> {
    const { topology } = this.store;
    for (const { name } of await this.store.ask<{ name: string }>(topology.detachedParts(table), { table })) {
      if (!topology.parts)
        throw new DeletionFailedError(`ClickHouse has put a part aside, to be dropped there: ${name}`);
      this.logger.warn({ part: name }, 'Removed a part that ClickHouse had put aside');
      await this.store.run([topology.parts.dropDetached(table, name)]);
    }
    const deadline = Date.now() + PARTS_GONE_WITHIN_MS;
    const names = async (): Promise<string[]> =>
      (await this.store.ask<{ name: string }>(topology.oldParts(table), { table })).map(({ name }) => name);
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
