import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { lowestId, parseUuid, storedIdTime } from '../events/event-id.js';
import type { Asker } from '../questions/asker.js';
import { AnalyticsScope, type AskedApp, idsOf } from './analytics-scope.js';
import { listedDto } from './event-list.dto.js';
import { LIVE_WINDOW_MS, type LiveFeed, LiveFeeds } from './live-feeds.js';
import type { LiveQuery } from './live.dto.js';
import { type OpenStream, OpenStreams } from './open-streams.js';
import type { ListedEvent } from './queries/listed-event.js';

const SILENT_AT_MOST_MS = 15_000;
/** An event is committed this much after others that occurred later, at most, to be told of to somebody who came back. */
const OVERTAKEN_MS = 10_000;

/** Tells of what is committed as it is committed, by server-sent events (HTML Living Standard, 9.2). */
@Injectable()
export class LiveService {
  constructor(
    private readonly scope: AnalyticsScope,
    private readonly streams: OpenStreams,
    private readonly feeds: LiveFeeds,
  ) {}

  /** @throws NotFoundError for an app that is not the caller's; AppError 429 when too many streams are open */
  async open(asker: Asker, { appId }: LiveQuery, request: FastifyRequest): Promise<StreamableFile> {
    const apps = await this.scope.ask(asker, appId, (_manager, found) => Promise.resolve(found));
    const last = request.headers['last-event-id'];
    const since = typeof last === 'string' ? parseUuid(last) : undefined;
    const ids = idsOf(apps);
    const stream = this.streams.watch(request, ids);
    const messages = Readable.from(this.messages(asker.account, apps, since, stream), { objectMode: false });
    return new StreamableFile(
      messages.once('close', () => stream.close()),
      { type: 'text/event-stream' },
    );
  }

  private async *messages(
    account: string,
    apps: readonly AskedApp[],
    since: string | undefined,
    { ended }: OpenStream,
  ): AsyncGenerator<string> {
    yield 'retry: 1000\n\n';
    if (ended.aborted) return;
    const feed = this.feeds.join(account, apps);
    try {
      yield* this.told(feed, since, ended);
    } finally {
      this.feeds.leave(feed);
    }
  }

  /** Ends quietly: the browser comes back by itself, with the id of the last message. */
  private async *told(feed: LiveFeed, since: string | undefined, ended: AbortSignal): AsyncGenerator<string> {
    let told = new Set(since === undefined ? [] : [since]);
    // A clock that runs ahead is counted at its true time, but its id is of the future.
    const notBefore = since === undefined ? 0 : Math.min(storedIdTime(since), Date.now()) - OVERTAKEN_MS;
    let counts: string | undefined;
    let isAway = false;
    let spokeAt = Date.now();
    for (let look = 0; !ended.aborted;) {
      const found = await feed.after(look, Math.max(spokeAt + SILENT_AT_MOST_MS - Date.now(), 0), ended);
      if (ended.aborted) return;
      let text = '';
      if (found) {
        const [state, number] = found;
        look = number;
        if (state.unavailable) {
          const { code, detail } = state.unavailable;
          if (!isAway) text = message('unavailable', { code, detail });
          // Counts are sent again afterwards, even if they are the same: they tell that the stream goes on.
          [isAway, counts] = [true, undefined];
        } else {
          isAway = false;
          const newest = state.newest.filter((event) => isSince(event, notBefore));
          const news = newest.filter(({ id }) => !told.has(id));
          told = new Set(newest.map(({ id }) => id));
          if (news.length > 0) text = message('events', news.map(listedDto), news[0]!.id);
          if (state.counts !== undefined && state.counts !== counts) text += message('counts', (counts = state.counts));
        }
      }
      if (!text && Date.now() - spokeAt >= SILENT_AT_MOST_MS) text = ': still here\n\n';
      if (!text) continue;
      spokeAt = Date.now();
      yield text;
    }
  }
}

/** By both of its times, as the feed's window is. @param ms 0: whatever the feed has */
function isSince({ id, occurredAt }: ListedEvent, ms: number): boolean {
  if (ms <= Date.now() - LIVE_WINDOW_MS) return true;
  return occurredAt.getTime() >= ms && id >= lowestId(ms).toString('hex');
}

/** @param data as JSON, or JSON text @param id 32 hex digits, of the newest event */
function message(event: string, data: unknown, id?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${text}\n\n`;
}
