import type { MemoryPlan } from './memory-plan.js';
import { type Statement, withParams, withSettings } from './statement.js';

export const QUESTION_SETTINGS = 'async_insert = 0, use_query_cache = 0, readonly = 2';
/** chDB's own defaults are others: async_insert is on, and a mutation does not wait for its end. */
export const WRITE_SETTINGS = [
  'async_insert = 0, insert_deduplicate = 1, mutations_sync = 2, max_partitions_per_insert_block = 0',
  // Small blocks: an insert that reads a table would else gather 256 MB.
  'max_block_size = 16384, max_insert_block_size = 65536, min_insert_block_size_rows = 65536',
  'min_insert_block_size_bytes = 8388608, max_insert_threads = 1, input_format_parallel_parsing = 0',
].join(', ');

/** A SELECT with its values, its settings and its limit of time. */
export function selectText({ id, sql, params, settings, timeLimitMs }: Statement): string {
  const limits = { max_execution_time: String(timeLimitMs / 1000), log_comment: id };
  return withParams(withSettings(sql, { ...settings, ...limits }), params);
}

/** A question spills to disk at half of its memory, and fails alone beyond all of it. */
export function questionLimits({ questionBytes }: MemoryPlan): string {
  const half = Math.floor(questionBytes / 2);
  return [
    `max_memory_usage = ${questionBytes}`,
    `max_bytes_before_external_group_by = ${half}`,
    `max_bytes_before_external_sort = ${half}`,
    `max_bytes_ratio_before_external_group_by = 0`,
    `max_bytes_ratio_before_external_sort = 0`,
    `join_algorithm = 'grace_hash,hash'`,
    `max_threads = 2`,
    `max_block_size = 16384`,
    // Text takes several times as much. Where memory ends while text is written, chDB drops a piece of it without an error.
    `max_result_bytes = ${Math.floor(questionBytes / 8)}`,
  ].join(', ');
}
