import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from './until.js';

/**
 * The project as a person would have it, with a .env of its own, in a new folder that also holds the data folders. It is as
 * built: nothing is installed or built again.
 */
export class ProjectCopy {
  readonly folder = mkdtempSync(join(process.env.TEST_DIR ?? tmpdir(), 'launcher-'));
  readonly path = join(this.folder, 'project');
  private readonly started: Launcher[] = [];

  constructor() {
    const root = process.cwd();
    mkdirSync(this.path);
    // Scripts are copied, since one finds its project by its own real place. The rest are links.
    cpSync(join(root, 'scripts'), join(this.path, 'scripts'), { recursive: true });
    const links = readdirSync(root).filter((name) => !name.startsWith('.') && name !== 'scripts');
    for (const name of [...links, '.env.example']) symlinkSync(join(root, name), join(this.path, name));
    mkdirSync(join(this.path, '.data'));
    const programs = join(root, '.data', 'bin');
    if (existsSync(programs)) symlinkSync(programs, join(this.path, '.data', 'bin'));
  }

  /** Runs a script of `scripts/` on a data folder. Without the engine, unless the test sets ENGINE. */
  run(script: string, dataDir: string, env: Record<string, string> = {}, args: string[] = []): Launcher {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [join('scripts', script), ...args], {
      cwd: this.path,
      env: { PATH, HOME, DATA_DIR: dataDir, FLUSH_INTERVAL_MS: '100', ENGINE: 'none', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const launcher = new Launcher(child, dataDir, `http://127.0.0.1:${env.PORT}`);
    this.started.push(launcher);
    return launcher;
  }

  /** What `npm start` runs. */
  start(dataDir: string, port: number, env: Record<string, string> = {}): Launcher {
    return this.run('start.mjs', dataDir, { PORT: String(port), ...env });
  }

  /** Ends what still runs, and removes every file. */
  async remove(): Promise<void> {
    await Promise.all(this.started.map((launcher) => launcher.kill('SIGTERM')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real launcher in a terminal of its own, with everything that it printed. */
export class Launcher {
  output = '';
  code: number | NodeJS.Signals | undefined;

  constructor(
    private readonly child: ChildProcess,
    readonly dataDir: string,
    readonly url: string,
  ) {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    child.on('exit', (code, signal) => (this.code = code ?? signal ?? -1));
  }

  async ready(): Promise<this> {
    const told = (): boolean => this.output.includes(`ready ${this.url}\n`);
    await until(() => this.code !== undefined || told(), 'ready').catch((error: Error) => {
      throw new Error(`${error.message}:\n${this.output}`);
    });
    if (this.code !== undefined) throw new Error(`The launcher ended with ${this.code}:\n${this.output}`);
    return this;
  }

  async ended(): Promise<number | NodeJS.Signals> {
    await until(() => this.code !== undefined, 'the launcher to end');
    return this.code!;
  }

  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    if (this.code === undefined) this.child.kill(signal);
    return this.ended();
  }

  pidFile(name: string): string {
    return join(this.dataDir, 'run', `${name}.pid`);
  }

  pid(name: string): number {
    return Number(readFileSync(this.pidFile(name), 'utf8'));
  }

  pids(): number[] {
    return ['launcher', 'api', 'worker', 'mysql', 'redis'].map((name) => this.pid(name));
  }

  redis(): Redis {
    return new Redis({ path: join(this.dataDir, 'run', 'redis.sock') });
  }
}
