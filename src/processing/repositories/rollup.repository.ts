import { Repository } from 'typeorm';
import type { EventSummary } from '../../database/entities/index.js';
import type { RollupSums, SummaryCell, UserCell } from '../rollup-sums.js';
import { binary } from '../../database/binary.js';
import { insertRows, type Row, sqlTime } from './bulk.js';

const ADD_SUMMARY = `INSERT INTO event_summary (app_id, event, quarter, device, n)
VALUES ? ON DUPLICATE KEY UPDATE n = n + VALUES(n)`;

/** True where the row to add is the newer one. Assignments run from left to right, so last_id and last_seen come last. */
const NEWER = `VALUES(last_seen) > last_seen OR (VALUES(last_seen) = last_seen AND VALUES(last_id) > last_id)`;

const ADD_PEOPLE = `INSERT INTO user_analytics
  (app_id, user_key, user_kind, user_value, total_events, first_seen, last_seen, last_id, device, browser, os, ip)
VALUES ? ON DUPLICATE KEY UPDATE
  total_events = total_events + VALUES(total_events),
  first_seen = LEAST(first_seen, VALUES(first_seen)),
  device = IF(${NEWER}, VALUES(device), device),
  browser = IF(${NEWER}, VALUES(browser), browser),
  os = IF(${NEWER}, VALUES(os), os),
  ip = IF(${NEWER}, VALUES(ip), ip),
  last_id = IF(${NEWER}, VALUES(last_id), last_id),
  last_seen = GREATEST(last_seen, VALUES(last_seen))`;

/** Owns the SQL by which sums are added to the rollups. Use in the chunk's transaction. */
export class RollupRepository extends Repository<EventSummary> {
  async add(sums: RollupSums): Promise<void> {
    // What other chunks want too comes last, the most wanted at the very end: they wait for it until this one commits.
    await insertRows(this.manager, ADD_PEOPLE, sums.people.map(personRow));
    await insertRows(this.manager, ADD_SUMMARY, sums.summary.map(summaryRow));
  }
}

function summaryRow(cell: SummaryCell): Row {
  return [binary(cell.appId), cell.event, cell.quarter, cell.device, cell.n];
}

function personRow(cell: UserCell): Row {
  return [
    binary(cell.appId),
    binary(cell.userKey),
    cell.userKind,
    cell.userValue,
    cell.totalEvents,
    sqlTime(cell.firstSeen),
    sqlTime(cell.lastSeen),
    binary(cell.lastId),
    cell.device,
    cell.browser ?? null,
    cell.os ?? null,
    cell.ip ?? null,
  ];
}
