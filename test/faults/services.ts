import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.js';

/**
 * A real MariaDB or MySQL and a real Redis of one test's own, with the durability that the product is run with, which
 * may be killed at any moment: they are started again at once, as `npm start` would.
 */
export class FaultServices {
  private output = '';
  private errors = '';

  private constructor(
    private readonly child: ChildProcess,
    /** Holds their data: `mysql/`, `redis/`, `logs/`. */
    readonly folder: string,
  ) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
  }

  static async start(): Promise<FaultServices> {
    const folder = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'faults-'));
    const child = spawn(process.execPath, [join('test', 'faults', 'run-services.mjs'), folder], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const services = new FaultServices(child, folder);
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`The services ended:\n${services.errors}`);
        return services.line !== undefined;
      },
      'the services',
      60_000,
    );
    return services;
  }

  private get line(): string | undefined {
    return this.output.split('\n').find((line) => line.startsWith('{'));
  }

  get urls(): { databaseUrl: string; redisUrl: string } {
    return JSON.parse(this.line!) as { databaseUrl: string; redisUrl: string };
  }

  pid(name: 'mysql' | 'redis'): number {
    return Number.parseInt(readFileSync(join(this.folder, 'run', `${name}.pid`), 'utf8'), 10);
  }

  signal(name: 'mysql' | 'redis', signal: NodeJS.Signals): void {
    process.kill(this.pid(name), signal);
  }

  async stop(): Promise<void> {
    this.child.stdin!.end();
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null, 'the services to end');
  }
}
