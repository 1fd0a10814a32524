import { readFileSync } from 'node:fs';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { EngineService } from '../../scripts/launcher/engine-service.mjs';
import { systemEnvironment } from '../../scripts/launcher/environments.mjs';
import { pidInFile } from '../../scripts/launcher/processes.mjs';
import { readSettings } from '../../scripts/launcher/settings.mjs';

/** The engine as the launcher runs it. It can be stopped and started again on the same port and folder. */
export class BenchEngine {
  /** @type {EngineService | undefined} */
  #service;
  /** @type {Record<string, string>} */
  addresses = {};

  /** @param dataDir where its files are @param {{ memory?: string }} [options] `memory`: ENGINE_MEMORY */
  constructor(dataDir, { memory = '1G' } = {}) {
    this.dataDir = dataDir;
    this.memory = memory;
  }

  async start() {
    const port = this.#service ? { ENGINE_PORT: String(this.#service.port) } : {};
    const settings = readSettings({ ...systemEnvironment(), ENGINE_MEMORY: this.memory, ...port });
    this.#service = await new EngineService(settings, this.dataDir).prepare();
    this.addresses = this.#service.addresses;
    if (!(await this.#service.begin())) throw new Error('The engine does not run');
  }

  async stop() {
    await this.#service?.stop();
  }

  /** Where its files are. */
  get folder() {
    return this.dataDir.in('clickhouse');
  }

  /** A client that logs nothing, and must be closed. @param {'questions' | 'copying'} user */
  client(user, connections = 1) {
    const url = user === 'questions' ? this.addresses.CLICKHOUSE_URL : this.addresses.CLICKHOUSE_COPY_URL;
    return createClient({
      url,
      max_open_connections: connections,
      request_timeout: 600_000,
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** What its process holds, bytes. */
  memoryUse() {
    return processMemory(pidInFile(this.dataDir.pidFile('engine')) ?? 0);
  }
}

/** @param {number} pid @returns resident memory, and its share where pages are shared, bytes */
export function processMemory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) * 1024;
  return { rss: bytes('Rss'), pss: bytes('Pss') };
}
