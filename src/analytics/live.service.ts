import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { Injectable, StreamableFile } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/caller.js';
import { lowestId, parseUuid, storedIdTime } from '../events/event-id.js';
import { FUTURE_TOLERANCE_MS, MINUTE_MS } from '../events/limits.js';
import { AnalyticsScope } from './analytics-scope.js';
import { listedDto } from './event-list.dto.js';
import type { LiveQuery } from './live.dto.js';
import { OpenStreams } from './open-streams.js';
import { eventPage } from './queries/event-page.js';
import type { ListedEvent } from './queries/listed-event.js';
import { minuteCounts } from './queries/live.js';

const WINDOW_MS = 30 * MINUTE_MS;
const LOOK_EVERY_MS = 1000;
/** Counting may take this share of the time, so that a busy app is counted less often instead of slowing others down. */
const COUNTING_SHARE = 0.05;
const SILENT_AT_MOST_MS = 15_000;
/** Newest events told of at a time: more cannot be read in a second anyway. */
const TOLD_AT_ONCE = 50;
/** An event is committed this much after others that occurred later, at most, to be told of to somebody who came back. */
const OVERTAKEN_MS = 10_000;

/** Tells of what is committed as it is committed, by server-sent events (HTML Living Standard, 9.2). */
@Injectable()
export class LiveService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly streams: OpenStreams,
    private readonly dataSource: DataSource,
  ) {}

  /** @throws NotFoundError for an app that is not the caller's */
  async open(caller: Caller, { appId }: LiveQuery, request: FastifyRequest): Promise<StreamableFile> {
    const appIds = (await this.scope.of(caller, appId)).map((app) => app.id);
    const last = request.headers['last-event-id'];
    const since = typeof last === 'string' ? parseUuid(last) : undefined;
    const stream = this.streams.watch(request, appId, appIds);
    const messages = Readable.from(this.messages(appIds, since, stream.ended), { objectMode: false });
    return new StreamableFile(
      messages.once('close', () => stream.close()),
      { type: 'text/event-stream' },
    );
  }

  /** Ends quietly: the browser comes back by itself, with the id of the last message. */
  private async *messages(
    appIds: readonly string[],
    since: string | undefined,
    ended: AbortSignal,
  ): AsyncGenerator<string> {
    yield 'retry: 1000\n\n';
    let told = new Set(since === undefined ? [] : [since]);
    // A clock that runs ahead is counted at its true time, but its id is of the future.
    const notBefore = since === undefined ? 0 : Math.min(storedIdTime(since), Date.now()) - OVERTAKEN_MS;
    let counts = '';
    let countAgainAt = 0;
    let spokeAt = Date.now();
    while (!ended.aborted) {
      const now = Date.now();
      const newest = appIds.length === 0 ? [] : await this.newest(appIds, Math.max(now - WINDOW_MS, notBefore));
      const news = newest.filter(({ id }) => !told.has(id));
      told = new Set(newest.map(({ id }) => id));
      let text = news.length > 0 ? message('events', news.map(listedDto), news[0]!.id) : '';
      if (appIds.length > 0 && now >= countAgainAt) {
        const sent = JSON.stringify(await this.counts(appIds, now));
        countAgainAt = Date.now() + (Date.now() - now) / COUNTING_SHARE;
        if (sent !== counts) text += message('counts', (counts = sent));
      }
      if (!text && now - spokeAt >= SILENT_AT_MOST_MS) text = ': still here\n\n';
      if (text) {
        spokeAt = now;
        yield text;
      }
      await wait(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
    }
  }

  private newest(appIds: readonly string[], since: number): Promise<ListedEvent[]> {
    const page = { from: lowestId(since), before: lowestId(Date.now() + FUTURE_TOLERANCE_MS), limit: TOLD_AT_ONCE };
    return eventPage(this.dataSource.manager, appIds, page, { occurredFrom: since });
  }

  private async counts(appIds: readonly string[], now: number): Promise<unknown> {
    const since = Math.floor((now - WINDOW_MS) / MINUTE_MS + 1) * MINUTE_MS;
    const minutes = await minuteCounts(this.dataSource.manager, appIds, since, now);
    return { total: minutes.reduce((sum, { count }) => sum + count, 0), minutes };
  }
}

/** @param data as JSON, or JSON text @param id 32 hex digits, of the newest event */
function message(event: string, data: unknown, id?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${text}\n\n`;
}
