import type { MemoryPlan } from './memory-plan.js';

/**
 * Settings of the server that cannot be set by a statement: the sizes of caches above all. ClickHouse's own defaults are
 * for machines with tens of gigabytes (a mark cache of 5 GB).
 * @returns XML, as of `clickhouse-server --config-file`
 */
export function serverSettings({ markCacheBytes }: MemoryPlan): string {
  const settings: Record<string, number> = {
    mark_cache_size: Math.floor(markCacheBytes / 2),
    index_mark_cache_size: Math.floor(markCacheBytes / 2),
    uncompressed_cache_size: 0,
    index_uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    // Two cores are enough for merges, which go on beside questions.
    background_pool_size: 2,
    background_schedule_pool_size: 4,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    background_common_pool_size: 2,
    max_thread_pool_size: 200,
  };
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${value}</${name}>`);
  return `<clickhouse>\n${lines.join('\n')}\n</clickhouse>\n`;
}
