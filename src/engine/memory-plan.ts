const MIB = 1024 * 1024;
/** chDB itself with its libraries, and Node. Measured: 254 MB idle, 285 MB after the first statements. */
const BASE_BYTES = 300 * MIB;
/** Enough for two cores: more would only make each other slower. */
const READERS_MAX = 4;
/** Below this a question spills so often that it is better asked after another. */
const QUESTION_MIN_BYTES = 64 * MIB;
/** An insert holds its rows (at most 16 MiB of text) and the parts that it sorts. */
const COPY_SHARE = 0.1;
const COPY_MIN_BYTES = 48 * MIB;
const COPY_MAX_BYTES = 256 * MIB;

/** Beside the readers: for control, changes, copying and short questions. */
const OTHER_SESSIONS = 4;
/** Threads of libuv that Node itself needs, for files and names. */
const OTHER_THREADS = 4;

/** How the engine's memory is shared out, so that all of it together stays below ENGINE_MEMORY. Bytes. */
export interface MemoryPlan {
  /** How many questions run side by side; one more lane is kept for short ones. */
  readers: number;
  /** What a question may hold before it fails; from half of it on it spills to disk. */
  questionBytes: number;
  /** What an insert, a short look-up or a mutation may hold. */
  copyBytes: number;
  /** Marks of columns and of indexes. */
  markCacheBytes: number;
}

/**
 * chDB does not enforce `max_server_memory_usage`, so the bound follows from the number of statements at a time.
 * @param memory ENGINE_MEMORY in bytes, at least {@link ENGINE_MEMORY_MIN}
 */
export function memoryPlan(memory: number): MemoryPlan {
  const markCacheBytes = Math.floor(memory / 32);
  const free = memory - BASE_BYTES - markCacheBytes;
  // Copying and mutations run beside each other, and beside every question.
  const copyBytes = Math.min(COPY_MAX_BYTES, Math.max(COPY_MIN_BYTES, Math.floor(free * COPY_SHARE)));
  const forQuestions = free - 2 * copyBytes;
  const lanes = Math.min(READERS_MAX + 1, Math.max(2, Math.floor(forQuestions / QUESTION_MIN_BYTES)));
  return { readers: lanes - 1, questionBytes: Math.floor(forQuestions / lanes), copyBytes, markCacheBytes };
}

/** Sessions of chDB: a session runs one statement at a time. */
export function sessionCount({ readers }: Pick<MemoryPlan, 'readers'>): number {
  return OTHER_SESSIONS + readers;
}

/**
 * UV_THREADPOOL_SIZE of the engine's process: a statement holds a thread until it ends, so with fewer threads than sessions
 * one statement would wait for another.
 * @param memory ENGINE_MEMORY in bytes
 */
export function threadPoolSize(memory: number): number {
  return sessionCount(memoryPlan(memory)) + OTHER_THREADS;
}
