import type { ServerProcess } from '../support/server-process.js';
import type { Stack } from '../support/stack.js';
import { until } from '../support/until.js';
import type { FaultServices } from './services.js';

/** Places in the drain at which a worker is killed; crash-points.mjs knows how to see them. */
export const CRASH_POINTS = [
  'after-claim',
  'after-cursor',
  'after-events',
  'after-event-summary',
  'after-user-analytics',
  'before-commit',
  'after-commit',
  'before-unlink',
  'after-unlink',
  'after-group',
  'before-copy',
  'after-copy',
  'after-outbox',
] as const;

export const FAULTS = [
  ...CRASH_POINTS,
  'kill api',
  'kill worker',
  'kill redis',
  'kill mysql',
  'kill engine',
  'kill engine and worker',
  'engine away',
  'freeze engine',
  'freeze worker',
  'rolling restart',
] as const;
export type Fault = (typeof FAULTS)[number];

const CRASH_WITHIN_MS = 60_000;
const START_WITHIN_MS = 120_000;

/** Does to a running stack what dying machines and impatient operators do; and starts again what it ended. */
export class Chaos {
  /** How often each fault was done. */
  readonly done = new Map<Fault, number>();

  constructor(
    private readonly stack: Stack,
    private readonly services: FaultServices,
    /** How long a worker is frozen: longer than its lease and than BullMQ's lock, ms. */
    private readonly freezeMs: number,
    /** How long the engine is away, ms. */
    private readonly awayMs: number,
  ) {}

  /** Crash points that were reached fewer times than that. */
  seldom(times: number): Fault[] {
    return CRASH_POINTS.filter((point) => (this.done.get(point) ?? 0) < times);
  }

  async inflict(fault: Fault): Promise<void> {
    await this.act(fault);
    this.done.set(fault, (this.done.get(fault) ?? 0) + 1);
  }

  private async act(fault: Fault): Promise<void> {
    switch (fault) {
      case 'kill api':
        return this.replaceApi(any(this.stack.apis), 'SIGKILL');
      case 'kill worker':
        return this.replaceWorker(any(this.stack.workers), 'SIGKILL');
      case 'kill redis':
      case 'kill mysql':
        this.services.signal(fault === 'kill redis' ? 'redis' : 'mysql', 'SIGKILL');
        return this.answering();
      case 'kill engine':
        await this.stack.engine.process.stop('SIGKILL');
        return this.startEngine();
      case 'kill engine and worker': {
        const worker = any(this.stack.workers);
        await Promise.all([this.stack.engine.process.stop('SIGKILL'), worker.stop('SIGKILL')]);
        await this.startEngine();
        return this.replaceWorker(worker, 'SIGKILL');
      }
      case 'engine away':
        await this.stack.engine.process.stop('SIGKILL');
        await passed(this.awayMs);
        return this.startEngine();
      case 'freeze engine':
        return this.freeze(this.stack.engine.process);
      case 'freeze worker':
        return this.freeze(any(this.stack.workers));
      case 'rolling restart':
        for (const api of [...this.stack.apis]) await this.replaceApi(api, 'SIGTERM');
        for (const worker of [...this.stack.workers]) await this.replaceWorker(worker, 'SIGTERM');
        return;
      default:
        return this.crashAt(fault);
    }
  }

  /** A worker that will die at that point, by its own hand; the others go on meanwhile. */
  private async crashAt(point: (typeof CRASH_POINTS)[number]): Promise<void> {
    const after = String(1 + Math.floor(Math.random() * 3));
    const crash = { NODE_OPTIONS: '--import ./test/faults/crash-points.mjs', CRASH_AT: point, CRASH_AFTER: after };
    await any(this.stack.workers).stop('SIGTERM');
    this.forgetEnded();
    const victim = await this.startWorker(crash, () => true);
    await until(() => !victim.running, `a worker to die at ${point}`, CRASH_WITHIN_MS);
    const end = await victim.ended();
    if (end !== 'SIGKILL') throw new Error(`The worker that was to die at ${point} ended with ${end}:\n${victim.text}`);
    this.forgetEnded();
    await this.startWorker();
  }

  private async replaceApi(api: Stack['apis'][number], signal: NodeJS.Signals): Promise<void> {
    const end = await api.process.stop(signal);
    if (signal === 'SIGTERM' && end !== 0)
      throw new Error(`An API process told to stop ended with ${end}:\n${api.process.text}`);
    this.forgetEnded();
    await this.insist(() => this.stack.startApi());
  }

  private async replaceWorker(worker: ServerProcess, signal: NodeJS.Signals): Promise<void> {
    const end = await worker.stop(signal);
    if (signal === 'SIGTERM' && end !== 0) throw new Error(`A worker told to stop ended with ${end}:\n${worker.text}`);
    this.forgetEnded();
    await this.startWorker();
  }

  private async freeze(process: ServerProcess): Promise<void> {
    process.child.kill('SIGSTOP');
    await passed(this.freezeMs);
    process.child.kill('SIGCONT');
  }

  private async startEngine(): Promise<void> {
    await this.stack.engine.start();
  }

  /** Chunks of another size each time: a claim begun by one size is finished by another. */
  private startWorker(env: Record<string, string> = {}, mayDie = () => false): Promise<ServerProcess> {
    const size = String(1 + Math.floor(Math.random() * 300));
    return this.insist(async () => {
      const before = this.stack.workers.length;
      try {
        return await this.stack.startWorker({ CHUNK_MAX_EVENTS: size, ...env });
      } catch (error) {
        const died = this.stack.workers[before];
        if (died && mayDie() && (await died.ended()) === 'SIGKILL') return died;
        throw error;
      }
    });
  }

  /** A process that finds MySQL or Redis away at its start ends, saying so: as a supervisor would, it is started again. */
  private async insist<T>(start: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + START_WITHIN_MS;
    for (;;) {
      try {
        return await start();
      } catch (error) {
        this.forgetEnded();
        if (Date.now() > deadline) throw error;
      }
    }
  }

  private async answering(): Promise<void> {
    const answers = () =>
      Promise.all([this.stack.redis.ping(), this.stack.query('SELECT 1')]).then(
        () => true,
        () => false,
      );
    await until(answers, 'MySQL and Redis to answer again', START_WITHIN_MS);
  }

  private forgetEnded(): void {
    const { apis, workers } = this.stack;
    apis.splice(0, apis.length, ...apis.filter((api) => api.process.running));
    workers.splice(0, workers.length, ...workers.filter((worker) => worker.running));
  }
}

/** The time of a fault. */
async function passed(ms: number): Promise<void> {
  const end = Date.now() + ms;
  await until(() => Date.now() >= end, 'the time of a fault', ms + 1000);
}

function any<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}
