import { REBUILD } from '../copy-targets.js';
import type { FillRepository } from './fill.repository.js';

/**
 * `off`: no worker has reached ClickHouse yet. `filling`: MySQL answers questions meanwhile. `rebuilding`: the present copy answers,
 * and another is being filled or is about to be. `complete`: it holds every event but those that wait.
 */
export const COPY_STATES = ['off', 'filling', 'rebuilding', 'complete'] as const;
export type CopyState = (typeof COPY_STATES)[number];

/** How far the copy in ClickHouse is. */
export interface CopyStatus {
  state: CopyState;
  /** Null while it is not complete. */
  completeAt: Date | null;
  /** While it is filled or rebuilt: events that were looked at. */
  filled: number;
  /** While it is filled or rebuilt: events that are counted; about how many there are to look at. */
  total: number;
  /** Committed events that wait to be copied, about. */
  waiting: number;
  /** When the oldest of them was received; null: none waits. */
  oldestWaiting: Date | null;
}

export async function copyStatus(fills: FillRepository): Promise<CopyStatus> {
  const { enabled, completeAt, filled, rebuildOrdered, rebuildStage } = await fills.state();
  const { events, oldest } = await fills.waiting();
  const isRebuilt = rebuildOrdered || rebuildStage !== REBUILD.none;
  const state = !enabled ? 'off' : !completeAt ? 'filling' : isRebuilt ? 'rebuilding' : 'complete';
  const isFilling = state === 'filling' || rebuildStage !== REBUILD.none;
  const total = isFilling ? await fills.total() : 0;
  return { state, completeAt, filled: isFilling ? filled : 0, total, waiting: events, oldestWaiting: oldest };
}
