import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../common/logger.js';
import type { Chdb, ChdbAnswer, ChdbError, ChdbInsert, ChdbSession } from './chdb.js';
import { EngineError } from './engine-error.js';
import { Lanes } from './lanes.js';
import { type MemoryPlan, sessionCount } from './memory-plan.js';
import { assertFiltered, assertOfProduct, assertOnlyReads } from './question-check.js';
import { assertOneStatement, type InsertSql } from './sql-text.js';
import { type Statement, withParams } from './statement.js';
import { QUESTION_SETTINGS, questionLimits, selectText, WRITE_SETTINGS } from './session-settings.js';
import type { Suspects } from './suspects.js';

/** How often a statement that must end is told so: the first time may come before ClickHouse knows of it. */
const KILL_AGAIN_MS = 50;
/** Questions beyond these are refused at once. */
const WAITING_MAX = 200;
/** A question that may take no longer has a lane of its own, so that it does not wait for those that take ten seconds. */
const SHORT_MS = 4000;
const TREES_REMEMBERED = 500;

const DELETIONS = `SELECT (SELECT max(bytes_on_disk) FROM system.parts WHERE active),
  (SELECT count() FROM system.mutations WHERE NOT is_done)`;

/**
 * ClickHouse in this process: a pool of sessions on one folder, since a session runs one statement at a time. Questions
 * take turns on the readers, short ones have a lane more; inserts and look-ups of the projector have one, and
 * mutations and changes of tables another.
 */
export class Engine {
  readonly #readers: Lanes<ChdbSession>;
  readonly #short: Lanes<ChdbSession>;
  readonly #copy: Lanes<ChdbSession>;
  readonly #changes: Lanes<ChdbSession>;
  readonly #control: Lanes<ChdbSession>;
  readonly #running = new Map<string, { sql: string; since: number }>();
  /** Questions whose tree has been judged, each with its database. */
  readonly #judged = new Set<string>();
  /** Database → its tables that hold rows of apps. */
  readonly #appTables = new Map<string, readonly string[]>();
  /** The database that a session looks names up in. */
  readonly #used = new WeakMap<ChdbSession, string>();

  private constructor(
    private readonly chdb: Chdb,
    sessions: readonly ChdbSession[],
    private readonly database: string,
    readers: number,
    private readonly suspects: Suspects,
    private readonly logger: Logger,
  ) {
    const [control, changes, copy, short, ...rest] = sessions;
    this.#control = new Lanes([control!]);
    this.#changes = new Lanes([changes!]);
    this.#copy = new Lanes([copy!]);
    this.#short = new Lanes([short!], WAITING_MAX);
    this.#readers = new Lanes(rest.slice(0, readers), WAITING_MAX);
  }

  /**
   * Opens the folder, which no other process may have open, and makes the database.
   * @param configFile XML with the sizes of caches
   */
  static async open(
    chdb: Chdb,
    options: {
      path: string;
      configFile: string;
      database: string;
      plan: MemoryPlan;
      suspects: Suspects;
      logger: Logger;
    },
  ): Promise<Engine> {
    const { path, configFile, database, plan, suspects, logger } = options;
    const connectionArgs = [`--config-file=${configFile}`];
    const sessions = Array.from({ length: sessionCount(plan) }, () => new chdb.Session(path, { connectionArgs }));
    const engine = new Engine(chdb, sessions, database, plan.readers, suspects, logger);
    await sessions[0]!.queryAsync(`CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`, TEXT);
    for (const [index, session] of sessions.entries()) {
      await engine.#use(session, database);
      const isQuestion = index >= 3;
      const limits = isQuestion ? questionLimits(plan) : `max_memory_usage = ${plan.copyBytes}, max_threads = 1`;
      await session.queryAsync(`SET ${limits}, ${isQuestion ? QUESTION_SETTINGS : WRITE_SETTINGS}`, TEXT);
    }
    return engine;
  }

  /** Questions that run now, the longest-running first. */
  get running(): { sql: string; ms: number }[] {
    return [...this.#running.values()].map(({ sql, since }) => ({ sql, ms: Date.now() - since }));
  }

  /** Whether rows are being deleted, and how large the largest part is that could have to be rewritten for it, in bytes. */
  async deletions(): Promise<{ largestPart: number; deleting: boolean }> {
    const [largest, unfinished] = (await this.#ask(DELETIONS, {})).trim().split('\t').map(Number);
    return { largestPart: largest!, deleting: unfinished! > 0 };
  }

  /** How many questions wait for a lane. */
  get waiting(): number {
    return this.#readers.waiting + this.#short.waiting;
  }

  /**
   * Answers one SELECT that reads tables of the database that it names, filtered by app.
   * @param signal aborted when the client has gone: the question ends
   * @throws EngineError, ChdbError
   */
  async question(statement: Statement, signal: AbortSignal): Promise<ChdbAnswer> {
    const { database = this.database } = statement;
    this.suspects.assertInnocent(statement);
    assertOfProduct(database);
    assertOneStatement(statement.sql);
    assertFiltered(statement.settings.additional_table_filters, await this.#tablesOfApps(database), database);
    await this.#judge(statement, database);
    const lanes = statement.timeLimitMs <= SHORT_MS ? this.#short : this.#readers;
    return this.#bounded(statement, signal, (bounded) =>
      lanes.run(async (session) => {
        const done = this.suspects.begin(statement);
        this.#running.set(statement.id, { sql: statement.sql, since: Date.now() });
        try {
          await this.#use(session, database);
          return await this.#ended(this.#run(session, selectText(statement), statement.format), statement.id, bounded);
        } finally {
          this.#running.delete(statement.id);
          done();
        }
      }, bounded),
    );
  }

  /** A SELECT of the projector: no check, since who may write may read. */
  look(statement: Statement, signal: AbortSignal): Promise<ChdbAnswer> {
    return this.#bounded(statement, signal, (bounded) =>
      this.#copy.run(async (session) => {
        await this.#use(session, statement.database);
        const running = this.#run(session, selectText(statement), statement.format);
        return this.#ended(running, statement.id, bounded);
      }, bounded),
    );
  }

  /** @param values rows in the statement's format. An insert that has begun goes on to its end. */
  insert(
    { database, ...insert }: InsertSql,
    values: Buffer,
    settings: Statement['settings'],
  ): Promise<{ rowsWritten: number }> {
    return this.#copy.run(async (session) => {
      await this.#use(session, database);
      return this.#insert(session, { ...insert, values, settings });
    });
  }

  /** A change of tables or of rows that are stored. One at a time. */
  async command({ database, sql, params, format }: Statement): Promise<ChdbAnswer> {
    try {
      return await this.#changes.run(async (session) => {
        await this.#use(session, database);
        return this.#run(session, withParams(sql, params), format);
      });
    } finally {
      this.#appTables.clear();
    }
  }

  /** Ends what runs, and closes the folder. */
  async close(): Promise<void> {
    const lanes = [this.#readers, this.#short, this.#copy, this.#changes, this.#control];
    for (const { all } of lanes) for (const session of all) session.close();
    await this.chdb.drainPending();
  }

  /** Has a session look names up in a database. Only while the session has nothing else to do. */
  async #use(session: ChdbSession, database = this.database): Promise<void> {
    if (this.#used.get(session) === database) return;
    await this.#run(session, `USE \`${database}\``, RAW);
    this.#used.set(session, database);
  }

  async #tablesOfApps(database: string): Promise<readonly string[]> {
    const known = this.#appTables.get(database);
    if (known) return known;
    const sql = `SELECT DISTINCT table FROM system.columns WHERE database = {database:String} AND name = 'app_id'`;
    const found = await this.#ask(sql, { database });
    const tables = found.split('\n').filter(Boolean);
    this.#appTables.set(database, tables);
    return tables;
  }

  async #judge({ sql, params }: Statement, database: string): Promise<void> {
    const key = `${database} ${sql}`;
    if (this.#judged.has(key)) return;
    assertOnlyReads(await this.#ask(`EXPLAIN AST ${sql}`, params), database);
    // A table or a dictionary that a parameter names is another one next time.
    if (/:\s*Identifier|\bdict\w*\s*\(\s*\{/i.test(sql)) return;
    if (this.#judged.size >= TREES_REMEMBERED) this.#judged.clear();
    this.#judged.add(key);
  }

  async #ask(sql: string, params: Readonly<Record<string, string>>): Promise<string> {
    const answer = await this.#control.run((session) => this.#run(session, withParams(sql, params), RAW));
    return answer.text();
  }

  /**
   * Runs a text on a session. When a statement fails, chDB keeps what it had written of its answer, and puts it before
   * the next answer of that session, which may be another account's: so the session then answers once for nobody.
   */
  async #run(session: ChdbSession, text: string, format: string): Promise<ChdbAnswer> {
    try {
      return await session.queryAsync(text, { format });
    } catch (error) {
      await this.#clean(session);
      throw error;
    }
  }

  async #insert(session: ChdbSession, rows: ChdbInsert): Promise<{ rowsWritten: number }> {
    try {
      return await session.insert(rows);
    } catch (error) {
      await this.#clean(session);
      throw error;
    }
  }

  async #clean(session: ChdbSession): Promise<void> {
    for (let time = 1; time <= CLEANINGS; time += 1) {
      const answer = await session.queryAsync("SELECT 'clean'", TEXT);
      if (answer.text() === 'clean\n') return;
    }
    process.stderr.write(
      'A session still answers with what an earlier statement left. Ending, to begin with new sessions\n',
    );
    // An orderly exit takes ClickHouse apart while other statements run, and crashes.
    process.kill(process.pid, 'SIGKILL');
  }

  /** Aborts `work` when the statement's time is up or its client has gone, waiting for a lane included. */
  async #bounded<T>(
    { timeLimitMs }: Statement,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = new AbortController();
    const text = `The statement took longer than ${timeLimitMs} ms.`;
    const timer = setTimeout(() => timeout.abort(new EngineError('TIMEOUT_EXCEEDED', text, 500)), timeLimitMs);
    try {
      return await work(AbortSignal.any([signal, timeout.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for a statement; once the signal is aborted, has ClickHouse end it, so that its session is free soon. */
  async #ended<T>(running: Promise<T>, id: string, signal: AbortSignal): Promise<T> {
    let over = false;
    const end = async (): Promise<void> => {
      while (!over) {
        await this.#ask(`KILL QUERY WHERE Settings['log_comment'] = '${id}' ASYNC`, {}).catch((error: unknown) =>
          this.logger.error({ err: error }, 'A statement could not be ended'),
        );
        await wait(KILL_AGAIN_MS);
      }
    };
    const onAbort = (): void => void end();
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await running;
    } catch (error) {
      if (signal.aborted && (error as ChdbError).clickhouseCode === 394) throw signal.reason;
      throw error;
    } finally {
      over = true;
      signal.removeEventListener('abort', onAbort);
    }
  }
}

const TEXT = { format: 'TabSeparated' };
const RAW = 'TabSeparatedRaw';
/** How often a session is asked for an answer of its own before it is given up. */
const CLEANINGS = 3;
