import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from './until.js';

/** A machine that does other things beside needs a while for Node to start, and to end. */
const READY_WITHIN_MS = 60_000;

/** Under `npm run coverage`: where the process notes which code it ran. */
const { NODE_V8_COVERAGE } = process.env;
const coverage: Record<string, string> = NODE_V8_COVERAGE ? { NODE_V8_COVERAGE } : {};

/** Whether files of the compiler run, not the bundle: to be measured one by one, or changed by a module that a test loads first. */
function isTakenApart({ NODE_OPTIONS = '' }: Record<string, string>): boolean {
  return NODE_V8_COVERAGE !== undefined || NODE_OPTIONS.includes('--import');
}

/** A real process of the product, from dist/, with what it printed. */
export class ServerProcess {
  readonly output: string[] = [];
  private exited?: number | NodeJS.Signals;

  private constructor(
    readonly name: string,
    readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.output.push(text));
    }
    child.on('exit', (code, signal) => (this.exited = code ?? signal ?? -1));
  }

  /** @param folder where dist/ is, instead of the project's */
  static start(
    entry: 'main' | 'worker' | 'engine' | 'migrate' | 'audit-counts' | 'dead-letters' | 'accounts' | 'projection',
    env: Record<string, string>,
    args: string[] = [],
    folder = process.cwd(),
  ): ServerProcess {
    const file = join(folder, 'dist', isTakenApart(env) ? 'src' : 'server', `${entry}.js`);
    const child = spawn(process.execPath, [file, ...args], {
      env: { ...coverage, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ServerProcess(entry, child);
  }

  get text(): string {
    return this.output.join('');
  }

  /** What it logged, record by record. */
  get records(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get running(): boolean {
    return this.exited === undefined;
  }

  /** Waits for a condition, or fails with what the process said as soon as it ends. */
  async ready(condition: () => Promise<boolean> | boolean): Promise<void> {
    await until(
      async () => {
        if (!this.running) throw new Error(`${this.name} ended with ${this.exited}:\n${this.text}`);
        return condition();
      },
      `${this.name} to be ready`,
      READY_WITHIN_MS,
    );
  }

  /** Resolves with the exit code (or the signal) when it has ended. */
  async ended(): Promise<number | NodeJS.Signals> {
    await until(() => !this.running, `${this.name} to end`, READY_WITHIN_MS);
    return this.exited!;
  }

  /** SIGTERM as an operator would, or another signal. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    if (this.running) this.child.kill(signal);
    return this.ended();
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
