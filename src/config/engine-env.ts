import { resolve } from 'node:path';
import { ConfigError } from './config-error.js';
import { EnvReader, type EnvSource } from './env-reader.js';

const MIB = 1024 * 1024;
/** The least that the engine works with, bytes: it takes 300 MB before the first statement. */
export const ENGINE_MEMORY_MIN = 512 * MIB;
const UNITS: Record<string, number> = { M: MIB, G: 1024 * MIB };
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What the engine process is told. Each variable is explained in .env.example. */
export interface EngineEnv {
  /** Absolute. The engine's files are in `clickhouse` below it. */
  dataDir: string;
  /** Absolute: where chDB is installed. */
  chdbFolder: string;
  /** Bytes that the process may take. */
  memory: number;
  /** On the loopback address; 0: any that is free. */
  port: number;
  logLevel: (typeof LOG_LEVELS)[number];
  passwords: { questions: string; copying: string };
}

/** @throws ConfigError with one line a fault */
export function readEngineEnv(source: EnvSource = process.env): EngineEnv {
  const reader = new EnvReader(source);
  if (reader.choice('ENGINE', 'embedded', ['embedded', 'none']) === 'none') {
    reader.fault('ENGINE', 'is none, which says that the engine is not to run');
  }
  const env: EngineEnv = {
    dataDir: resolve(reader.text('DATA_DIR') ?? '.data'),
    chdbFolder: resolve(reader.text('ENGINE_FOLDER') ?? 'engine'),
    memory: readMemory(reader),
    port: reader.integer('ENGINE_PORT', 0, 0, 65_535),
    logLevel: reader.choice('LOG_LEVEL', 'info', LOG_LEVELS),
    passwords: {
      questions: reader.secret('ENGINE_QUESTION_PASSWORD') ?? '',
      copying: reader.secret('ENGINE_COPY_PASSWORD') ?? '',
    },
  };
  for (const [user, password] of Object.entries(env.passwords)) {
    const name = user === 'questions' ? 'ENGINE_QUESTION_PASSWORD' : 'ENGINE_COPY_PASSWORD';
    if (password.length < 16) reader.fault(name, 'must have at least 16 characters');
  }
  if (reader.faults.length > 0) throw new ConfigError(reader.faults);
  return env;
}

/** As in 512M or 1G. */
function readMemory(reader: EnvReader): number {
  const text = reader.text('ENGINE_MEMORY') ?? '1G';
  const [, number, unit] = /^(\d+)([MG])$/.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit ?? ''] ?? NaN);
  if (bytes >= ENGINE_MEMORY_MIN) return bytes;
  reader.fault('ENGINE_MEMORY', `must be a size such as 512M or 1G, at least ${ENGINE_MEMORY_MIN / MIB}M`);
  return ENGINE_MEMORY_MIN;
}
