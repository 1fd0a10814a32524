import { setTimeout as wait } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  Optional,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { Env } from '../config/env.js';
import { Metrics } from '../metrics/metrics.service.js';
import { type Claim, ClaimStore } from './claim.store.js';
import { type ChunkOutcome, CursorMovedError, EventWriter } from './event-writer.js';
import { ClaimRepository } from './repositories/claim.repository.js';
import { Projector } from '../read-model/projector.js';
import { dataErrorReason, isDataError } from './sql-errors.js';
import { isBusy } from '../common/busy-error.js';

/** How often a transaction is tried again after a deadlock or a lock wait timeout before the claim is given back. */
const ATTEMPTS = 8;
const RETRY_PAUSE_MS = 25;
/** After a drain that failed, the next one waits; twice as long each time, up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const FAILED_CLAIM_PAUSE_MS = 1000;
/** Claims of one pass. One that fails leaves the others of its pass their turn. */
const CLAIMS_A_PASS = 4;
/** A claim of many chunks is given back after this time, so that it does not keep the rest of the buffer waiting. */
const TURN_MS = 250;
/** The worker's own look at the buffer, which works also where BullMQ does not (Redis full): at least this often. */
const LOOK_EVERY_MS = 1000;

/**
 * Empties the buffer into MySQL: takes claims, writes them chunk by chunk, gives them up when all is committed. One drain
 * at a time in a process; any number of processes.
 */
@Injectable()
export class DrainService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private running?: Promise<void>;
  private again = false;
  private failures = 0;
  private pausedUntil = 0;
  private readonly task: PeriodicTask;
  private chunkMaxBytes: number;

  constructor(
    private readonly store: ClaimStore,
    private readonly claims: ClaimRepository,
    private readonly writer: EventWriter,
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional() private readonly projector?: Projector,
  ) {
    this.chunkMaxBytes = env.chunkMaxBytes;
    this.task = new PeriodicTask({
      name: 'drain',
      intervalMs: Math.min(Math.max(env.flushIntervalMs / 2, 20), LOOK_EVERY_MS),
      run: () => this.look(),
      logger,
      failure: 'Could not look at the buffer',
      failureLevel: 'debug',
      keepsProcessAlive: true,
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    const [row]: { packet: string }[] = await this.dataSource.query('SELECT @@max_allowed_packet AS packet');
    // Escaped text may be twice as long as it was.
    this.chunkMaxBytes = Math.min(this.chunkMaxBytes, Math.floor(Number(row?.packet) / 3));
    await this.task.runNow();
    this.task.start();
  }

  /** Stops between chunks and gives back what is not done. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.task.stop();
    await this.running;
  }

  /** Resolves when what was pending is committed, or could not be: errors are told and tried again by themselves. */
  drain(): Promise<void> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.run().finally(() => (this.running = undefined));
    return this.running;
  }

  /** The plain timer beside BullMQ: says that a worker lives, takes orphans, and drains what nobody rang for. */
  private async look(): Promise<void> {
    await this.store.seen();
    await this.store.adoptOldLists();
    if (!this.running && Date.now() >= this.pausedUntil && (await this.store.due())) void this.drain();
  }

  private async run(): Promise<void> {
    try {
      // While MySQL is away nothing more is claimed: pending lists are cheaper to keep than many claims.
      if (this.failures > 0) await this.dataSource.query('SELECT 1');
      let more: boolean;
      do {
        this.again = false;
        more = await this.pass();
      } while ((more || this.again) && !this.task.stopping);
      if (this.failures > 0) this.logger.info('Draining works again');
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      this.metrics.drainFailures.inc();
      const pause = pauseAfter(this.failures);
      this.pausedUntil = Date.now() + pause;
      this.logger.warn({ err: error, pauseMs: pause }, 'A drain failed; its events stay in Redis and are tried again');
    }
  }

  /**
   * A few claims. One that was given back gets the first turn, and new events the others.
   * @returns true when another pass should follow at once
   * @throws the first error, after the other claims had their turn
   */
  private async pass(): Promise<boolean> {
    await this.store.adoptOldLists();
    const errors: unknown[] = [];
    let more = true;
    for (let i = 0; more && i < CLAIMS_A_PASS && !this.task.stopping; i += 1) {
      try {
        const claim = await this.store.take(i === 0 ? 'recover' : 'serve', this.chunkMaxBytes);
        if (claim) await this.drainClaim(claim);
        // A claim that had to leave events behind was a full one.
        more = claim !== undefined && (claim.recovered || claim.left > 0 || claim.length >= this.env.flushThreshold);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return more;
  }

  private async drainClaim(claim: Claim): Promise<void> {
    try {
      if (await this.writeClaim(claim)) await this.store.finish(claim);
      else await this.store.release(claim, 0);
    } catch (error) {
      // Later than the next drain: what is pending behind a claim that fails again and again must get its turn.
      const pause = Math.max(FAILED_CLAIM_PAUSE_MS, 2 * pauseAfter(this.failures + 1));
      await this.store.release(claim, pause).catch((second: unknown) => {
        this.logger.debug({ err: second }, 'Could not give a claim back; its lease will pass');
      });
      throw error;
    }
  }

  /** @returns true when all of it is committed; false when its turn is over, or this process stops, before that */
  private async writeClaim(claim: Claim): Promise<boolean> {
    const turnEnds = performance.now() + TURN_MS;
    let start = await this.claims.cursor(claim.id);
    let limit = this.env.chunkMaxEvents;
    while (start < claim.length) {
      if (this.task.stopping) return false;
      await this.store.renew(claim);
      const texts = await this.store.read(claim, start, limit, this.chunkMaxBytes);
      // Nothing where something should be: another worker finished the claim.
      if (texts.length === 0) return true;
      try {
        await this.commit(claim, start, texts);
        start += texts.length;
        limit = this.env.chunkMaxEvents;
        if (start < claim.length && performance.now() > turnEnds) return false;
      } catch (error) {
        if (error instanceof CursorMovedError) start = await this.claims.cursor(claim.id);
        else if (isDataError(error) && texts.length > 1) limit = texts.length >> 1;
        else throw error;
      }
    }
    return true;
  }

  /** One chunk, whole, however often MySQL asks for another try. */
  private async commit(claim: Claim, start: number, texts: string[]): Promise<void> {
    const begun = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const outcome = await this.writer.write(claim.id, start, texts);
        if (outcome.copy) this.projector?.offer(outcome.copy);
        this.tell(outcome, performance.now() - begun);
        return;
      } catch (error) {
        if (isDataError(error) && texts.length === 1) {
          const reason = dataErrorReason(error);
          this.tell(await this.writer.condemn(claim.id, start, texts[0]!, reason), performance.now() - begun);
          return;
        }
        if (!isBusy(error) || attempt === ATTEMPTS || this.task.stopping) throw error;
        this.metrics.chunkRetries.inc();
        await wait(RETRY_PAUSE_MS * attempt * (0.5 + Math.random()));
        await this.store.renew(claim);
      }
    }
  }

  private tell(outcome: ChunkOutcome, ms: number): void {
    this.metrics.chunkEvents.observe(outcome.received);
    this.metrics.chunkSeconds.observe(ms / 1000);
    this.metrics.inserted.inc(outcome.inserted);
    this.metrics.duplicates.inc(outcome.duplicated);
    for (const code of outcome.dead) this.metrics.deadLetters.inc({ code });
    if (outcome.dead.length > 0) {
      const codes: Record<string, number> = {};
      for (const code of outcome.dead) codes[code] = (codes[code] ?? 0) + 1;
      this.logger.warn({ codes }, 'Entries went to the dead letters');
    }
    const { copy, dead, ...counts } = outcome;
    const told = { ...counts, dead: dead.length, outboxRows: copy ? 1 : 0, ms: Math.round(ms) };
    this.logger.debug(told, 'chunk committed');
  }
}

/** ms @param failures one after the other, at least one */
function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
}
