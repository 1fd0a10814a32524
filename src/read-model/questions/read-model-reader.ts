import { type ClickHouseClient, ClickHouseError, SettingsMap } from '@clickhouse/client';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '../../common/logger.module.js';
import type { Logger } from '../../common/logger.js';
import { Env } from '../../config/env.js';
import { formatUuid } from '../../events/event-id.js';
import { APP_TABLES, DEDUPLICATION_PROBE } from '../copy-targets.js';
import { clickhouseClient } from '../clickhouse-client.js';
import { topologyOf } from '../schema/topology-of.js';
import { Reachability } from './reachability.js';
import { clickHouseRefusal, questionTooLong, readModelAway } from './read-model-errors.js';

/** A question for ClickHouse. */
export interface ReadModelQuestion {
  /** One SELECT on `events` and `archived_users`, which begins its conditions with the apps. {name:Type} stands for a value. */
  sql: string;
  params: Readonly<Record<string, string | number>>;
  /** Whose rows it may see, whatever the statement says. 32 hex digits each, at least one. */
  appIds: readonly string[];
  /** ms after which ClickHouse ends it. */
  timeLimitMs: number;
  /** Asked so that what does not fit into memory goes to disk early, which takes longer. */
  isThrifty?: boolean;
}

/** Each API process asks no more at a time than the turns of questions let through; pings have a client of their own. */
const CONNECTIONS = 16;
/** A limit of the client for what has no limit of its own, ms. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How much later than its limit a question's answer may come, ms. */
const LATE_MS = 500;
/** A question without an answer after this time makes sure that ClickHouse is there at all. */
const DOUBT_AFTER_MS = 1000;
const PING_TIMEOUT_MS = 2000;

/** What a server needs to be told; the engine has most of it set. */
const SETTINGS = {
  readonly: '2',
  // A server sends what it has so far otherwise, and an error in the middle of the rows.
  wait_end_of_query: 1,
  cancel_http_readonly_queries_on_client_close: 1,
  output_format_json_quote_64bit_integers: 0,
} as const;

/**
 * Few large temporary files, each read with a small buffer by one thread: so a GROUP BY that is ten times as large as the
 * memory of a question still ends. Files of 12 MB were so many that merging them took more memory than the question has.
 */
const THRIFTY = {
  max_threads: 1,
  max_bytes_before_external_group_by: '30000000',
  temporary_files_buffer_size: '65536',
} as const;

/** The API's way to ClickHouse: as the user who may only read, and only rows of the apps that a question names. */
@Injectable()
export class ReadModelReader implements OnApplicationShutdown {
  private readonly client?: ClickHouseClient;
  private readonly pings?: ClickHouseClient;
  private readonly reachability = new Reachability(
    () => this.ping(),
    (isAway) => this.tell(isAway),
  );

  constructor(
    { readModel }: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    if (!readModel) return;
    const { settings } = topologyOf(readModel);
    const connect = (timeoutMs: number): ClickHouseClient =>
      clickhouseClient(readModel, readModel.questions, { timeoutMs, connections: CONNECTIONS, settings });
    this.client = connect(REQUEST_TIMEOUT_MS);
    this.pings = connect(PING_TIMEOUT_MS);
  }

  /** @throws ReadModelUnavailableError at once while ClickHouse is known to be away */
  assertReachable(): Promise<void> {
    return this.reachability.assert();
  }

  /**
   * Asks one question.
   * @param gone aborted when nobody waits for the answer: ClickHouse ends the question
   * @throws ReadModelUnavailableError, QuestionTooLargeError; the signal's reason; ClickHouseError for a fault of the text
   */
  async select<Row>(question: ReadModelQuestion, gone: AbortSignal): Promise<Row[]> {
    const { sql, params, appIds, timeLimitMs, isThrifty = false } = question;
    if (!this.client) throw readModelAway();
    await this.reachability.assert();
    const lost = this.reachability.signal;
    const late = AbortSignal.timeout(timeLimitMs + LATE_MS);
    const signal = AbortSignal.any([gone, lost, late]);
    const trust = this.doubt();
    try {
      const answer = await this.client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        abort_signal: signal,
        clickhouse_settings: {
          ...SETTINGS,
          ...(isThrifty ? THRIFTY : {}),
          additional_table_filters: filterOf(appIds),
          max_execution_time: timeLimitMs / 1000,
        },
      });
      return await answer.json<Row>();
    } catch (error) {
      if (gone.aborted) throw gone.reason;
      if (lost.aborted) throw readModelAway(error);
      if (late.aborted) throw questionTooLong(error);
      if (error instanceof ClickHouseError) throw clickHouseRefusal(error) ?? error;
      this.reachability.lost(error);
      throw readModelAway(error);
    } finally {
      trust();
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.client?.close();
    await this.pings?.close();
  }

  /** Asks again and again whether ClickHouse is there, until what it returns is called. */
  private doubt(): () => void {
    const ask = (): void => {
      void this.reachability.check();
      timer = setTimeout(ask, DOUBT_AFTER_MS);
    };
    let timer = setTimeout(ask, DOUBT_AFTER_MS);
    return () => clearTimeout(timer);
  }

  private async ping(): Promise<boolean> {
    return this.pings !== undefined && (await this.pings.ping()).success;
  }

  private tell(isAway: boolean): void {
    if (isAway) this.logger.warn('ClickHouse does not answer: questions about events are refused until it does');
    else this.logger.info('ClickHouse answers again');
  }
}

/**
 * The setting `additional_table_filters` of a question: the same condition as in the statement, so that one that a statement forgot
 * still shows nobody another's rows.
 * @param appIds 32 hex digits each, at least one
 */
export function filterOf(appIds: readonly string[]): SettingsMap {
  if (appIds.length === 0) throw new Error('A question names no app');
  // Within the quotes of a map the client escapes none.
  const ids = appIds.map((id) => `\\'${formatUuid(id)}\\'`).join(', ');
  // The engine demands it for each table that has the column app_id just now, whichever the question reads.
  return SettingsMap.from(
    Object.fromEntries([...APP_TABLES, DEDUPLICATION_PROBE].map((table) => [table, `app_id IN (${ids})`])),
  );
}
