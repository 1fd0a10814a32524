import { setTimeout as pause } from 'node:timers/promises';
import { formatUuid, storedEventId, uuidV7, uuidV7Time } from '../../src/events/event-id.js';
import type { Device } from '../../src/events/event.js';
import { call } from '../support/client.js';

const DEVICES: Device[] = ['mobile', 'tablet', 'desktop', 'bot', 'other'];
const DAY_MS = 86_400_000;
const ANSWER_WITHIN_MS = 5000;

/** An event as a client knows it. `sessionId` is its mark: it is unique, and is stored with it. */
export interface SentEvent {
  mark: string;
  body: Record<string, unknown>;
  event: string;
  userId: string;
  device: Device;
  /** Where the client states the time; else it counts at its receipt. */
  occurredAt?: number;
  /** The id under which it must be stored (32 hex digits); of an event without eventId only the 202 tells. */
  storedId?: string;
  /** MySQL refuses it: see UNSTORABLE. */
  unstorable: boolean;
}

/** Marks that the test's database refuses by a CHECK constraint: an API that validates lets nothing else unstorable pass. */
export const UNSTORABLE = 'unstorable';

/**
 * Clients that do as the contract tells them: what is not answered 202 is sent again with the same ids, a tenth of all is
 * sent twice anyway, and what has no eventId is sent once.
 */
export class Load {
  readonly sent = new Map<string, SentEvent>();
  /** Marks of events that were answered 202. */
  readonly acknowledged = new Set<string>();
  readonly statuses = new Map<number | 'no answer', number>();
  longestOutageMs = 0;
  private stopping = false;
  private running: Promise<void>[] = [];
  private serial = 0;

  constructor(
    private readonly app: { id: string; apiKey: string },
    private readonly urls: () => string[],
    /** Pause of a client between two posts, at the most, ms. */
    private readonly paceMs: number,
    /** Shares of all events, and of all posts. */
    private readonly shares = { unstorable: 1 / 200, sentTwice: 0.1 },
  ) {}

  start(clients: number): void {
    for (let client = 0; client < clients; client += 1) this.running.push(this.client(client));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running);
  }

  private async client(client: number): Promise<void> {
    while (!this.stopping) {
      if (Math.random() < 0.1) await this.postOnce(client);
      else await this.postUntilAnswered(client);
      await pause(Math.random() * this.paceMs);
    }
  }

  /** Without eventId nobody can tell a retry from another event: unanswered means unknown, and it is let go. */
  private async postOnce(client: number): Promise<void> {
    const event = this.make({});
    const { status, body } = await this.post(client, '', event.body);
    if (status !== 202) return;
    event.storedId = (body as { id: string }).id.replaceAll('-', '');
    this.acknowledged.add(event.mark);
  }

  private async postUntilAnswered(client: number): Promise<void> {
    const single = Math.random() < 0.3;
    const events = Array.from({ length: single ? 1 : 1 + Math.floor(Math.random() * 20) }, () => this.identified());
    const body = single ? events[0]!.body : { events: events.map((event) => event.body) };
    const path = single ? '' : '/batch';
    const twice = Math.random() < this.shares.sentTwice;
    const begun = Date.now();
    for (let attempt = client; ; attempt += 1) {
      const answers = await Promise.all(
        Array.from({ length: twice ? 2 : 1 }, (_none, copy) => this.post(attempt + copy, path, body)),
      );
      const taken = answers.find((answer) => answer.status === 202);
      if (taken) {
        this.assertIds(
          events,
          single ? [taken.body as { id: string }] : (taken.body as { events: { id: string }[] }).events,
        );
        for (const event of events) this.acknowledged.add(event.mark);
        if (attempt > client) this.longestOutageMs = Math.max(this.longestOutageMs, Date.now() - begun);
        return;
      }
      // A run that is over leaves what was never answered: nothing was promised of it.
      if (this.stopping) return;
      await pause(50 + Math.random() * 200);
    }
  }

  private assertIds(events: SentEvent[], ids: { id: string }[]): void {
    ids.forEach(({ id }, index) => {
      if (id.replaceAll('-', '') !== events[index]!.storedId) throw new Error(`A 202 names ${id}, which is not its id`);
    });
  }

  private async post(turn: number, path: string, body: unknown): Promise<{ status: number; body: unknown }> {
    const urls = this.urls();
    const url = `${urls[turn % urls.length]}/api/analytics/collect${path}`;
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const answer = await call(url, { key: this.app.apiKey, body, signal }).catch(() => ({
      status: 0,
      body: undefined,
    }));
    const kind = answer.status === 0 ? 'no answer' : answer.status;
    this.statuses.set(kind, (this.statuses.get(kind) ?? 0) + 1);
    return answer;
  }

  private identified(): SentEvent {
    if (Math.random() < 0.5) return this.make({ eventId: formatUuid(uuidV7(Date.now())) });
    const occurredAt = Date.now() - Math.floor(Math.random() * 3 * DAY_MS);
    return this.make({ eventId: `order ${this.serial}`, timestamp: new Date(occurredAt).toISOString() });
  }

  private make(ids: { eventId?: string; timestamp?: string }): SentEvent {
    const serial = (this.serial += 1);
    const unstorable = Math.random() < this.shares.unstorable;
    const mark = `${unstorable ? UNSTORABLE : 'mark'} ${serial}`;
    const event = `event ${serial % 7}`;
    const userId = `person ${Math.floor(Math.random() * 500)}`;
    const device = DEVICES[serial % 5]!;
    const body = { event, userId, device, sessionId: mark, metadata: { serial }, ...ids };
    const occurredAt = ids.timestamp ? Date.parse(ids.timestamp) : ids.eventId ? uuidV7Time(ids.eventId) : undefined;
    const storedId = occurredAt === undefined ? undefined : storedEventId(occurredAt, this.appId, ids.eventId);
    const sent = { mark, body, event, userId, device, occurredAt, storedId, unstorable };
    this.sent.set(mark, sent);
    return sent;
  }

  private get appId(): string {
    return this.app.id.replaceAll('-', '');
  }
}
