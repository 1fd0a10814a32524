import type { EntityManager } from 'typeorm';

/** The table that answers questions. */
export const EVENTS = 'events';
/** The table that a rebuild fills, beside the first one. */
export const NEXT_EVENTS = 'events_next';
export const EVENT_TABLES = [EVENTS, NEXT_EVENTS] as const;
export type EventTable = (typeof EVENT_TABLES)[number];
/** Distinct users of days whose events have expired. A rebuild repairs it in place, since a row that is sent twice counts once. */
export const ARCHIVED_USERS = 'archived_users';
/** While a worker finds out whether ClickHouse stores a row twice that is sent twice. */
export const DEDUPLICATION_PROBE = 'deduplication_probe';
/** Every table that holds rows of apps. */
export const APP_TABLES = [...EVENT_TABLES, ARCHIVED_USERS] as const;
export type AppTable = (typeof APP_TABLES)[number];

/** Stages of a rebuild, as MySQL's table `read_model` keeps them. */
export const REBUILD = {
  none: 0,
  /** The second table is being filled. Every copy, erasure and expiry goes to both. */
  filling: 1,
  /** The two tables take each other's place: nothing may be copied until that is over. */
  exchanging: 2,
} as const;

/** Where copies go, as of one moment. */
export interface CopyTargets {
  tables: readonly EventTable[];
  /** Another number whenever that changes: a copy that was sent under an earlier one does not count. */
  generation: number;
}

const TARGETS = 'SELECT rebuild_stage AS stage, generation FROM read_model WHERE id = 1';

/** The tables take each other's place just now. To be tried again. */
export class TablesMoveError extends Error {
  override readonly name = 'TablesMoveError';

  constructor() {
    super('The tables of the read model take each other’s place; copies wait for that');
  }
}

/** Where copies go now. @throws TablesMoveError while that cannot be said */
export async function copyTargets(manager: EntityManager): Promise<CopyTargets> {
  const [row]: { stage: number | string; generation: number | string }[] = await manager.query(TARGETS);
  const stage = Number(row!.stage);
  if (stage === REBUILD.exchanging) throw new TablesMoveError();
  return { tables: stage === REBUILD.none ? [EVENTS] : EVENT_TABLES, generation: Number(row!.generation) };
}
