import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { LuaScript } from '../buffer/lua-script.js';
import { AppError, RateLimitedError, UnavailableError } from '../common/app-error.js';
import type { BodySize } from '../bodies/body-rules.js';
import type { KeyCaller } from '../common/caller.js';
import { WindowCounts } from '../common/window-counts.js';
import { Env } from '../config/env.js';
import { RegistryService } from '../registry/registry.service.js';
import { TAKE } from './collect-limits.lua.js';

/** Who is limited, in the order of the script's keys. */
const LIMITED = ['address', 'key', 'account'] as const;
type Limited = (typeof LIMITED)[number];
const UNITS = ['events', 'bytes'] as const;

const WINDOW_MS = 1000;
/** Refused senders that a process remembers. */
const REMEMBERED = 10_000;

/** What a request takes from its sender's limits. */
export interface Load {
  events: number;
  /** Inflated. */
  bytes: number;
}

/** What a refused request counts for: to refuse one takes about as long as to take so many events in a batch. */
export const REFUSED_EVENTS = 5;

/** Different names in a body that cost nothing extra. */
const NAMES_FREE = 200;
/** What each further name counts for: JSON.parse takes as long for it as for some hundred bytes of the usual. */
const NAME_BYTES = 1024;

/** What a body takes from its sender's limits. */
export function loadOf(events: number, size: BodySize = { bytes: 0, names: 0 }): Load {
  return { events, bytes: size.bytes + Math.max(0, size.names - NAMES_FREE) * NAME_BYTES };
}

/** Where one limit stands. */
interface LimitState {
  limited: Limited;
  unit: keyof Load;
  limit: number;
  used: number;
  /** Until the window ends. */
  msLeft: number;
}

/** Requests of one sender that came in the same turn of the event loop. */
interface Turn {
  names: string[];
  asks: { load: Load; resolve: (states: Verdict) => void; reject: (error: unknown) => void }[];
}

interface Verdict {
  states: LimitState[];
  refusing: LimitState | undefined;
}

/**
 * Events and bytes a second for each address, key and account, shared by all processes through Redis. A request takes from
 * all of them or from none, in one round trip; the requests that a sender makes within one turn of the event loop share it.
 * Whoever was refused is refused again without asking Redis until the second is over.
 */
@Injectable()
export class CollectLimits {
  private readonly script = new LuaScript<number[]>(TAKE);
  private readonly limits: readonly Omit<LimitState, 'used' | 'msLeft'>[];
  private turns = new Map<string, Turn>();
  /** Name in Redis → the limit that refused it, and when its second is over (ms, monotonic). */
  private readonly refused = new Map<string, { state: LimitState; until: number }>();

  /** What failed bodies took in this second, by name in Redis. Counted by each process for itself. */
  private readonly failed = { events: new WindowCounts(WINDOW_MS), bytes: new WindowCounts(WINDOW_MS) };

  constructor(
    private readonly redis: Redis,
    private readonly env: Env,
    private readonly registry: RegistryService,
  ) {
    const { rateLimits } = env;
    this.limits = LIMITED.flatMap((limited) => [
      { limited, unit: 'events', limit: rateLimits[limited] },
      { limited, unit: 'bytes', limit: rateLimits[`${limited}_bytes`] },
    ]);
  }

  /**
   * Takes what a request brings.
   * @returns RateLimit headers
   * @throws RateLimitedError, UnavailableError without Redis, AppError 413 for more than a second of a limit holds
   */
  async take(key: KeyCaller, address: string, load: Load): Promise<Record<string, string>> {
    this.assertFits(load);
    const names = this.namesOf(key, address);
    this.assertNotRefused(names);
    const { states, refusing } = await this.ask(names, load);
    if (!refusing) return limitHeaders(states.reduce((a, b) => (share(b) > share(a) ? b : a)));
    this.remember(names[LIMITED.indexOf(refusing.limited)]!, refusing);
    throw refusal(refusing);
  }

  /** Whether some sender may have been refused in this second. */
  get refusesSome(): boolean {
    return this.refused.size > 0;
  }

  /** Before a body is read. @throws RateLimitedError when this process has refused the sender in this second */
  assertMaySend(key: KeyCaller, address: string): void {
    if (this.refused.size > 0) this.assertNotRefused(this.namesOf(key, address));
  }

  /**
   * Counts a request that was refused, or whose body did not come to its end, against the same limits. Once such requests have
   * used up one of them, {@link assertMaySend} refuses the sender until the second is over.
   */
  noteFailed(key: KeyCaller, address: string, load: Load): void {
    const names = this.namesOf(key, address);
    for (const one of this.limits) {
      const name = names[LIMITED.indexOf(one.limited)]!;
      const counts = this.failed[one.unit];
      const used = counts.add(name, load[one.unit]);
      if (used >= one.limit) this.remember(name, { ...one, used, msLeft: counts.msLeft(name) });
    }
  }

  /** In the order of LIMITED. */
  private namesOf({ keyId, ownerId }: KeyCaller, address: string): string[] {
    const ids = { address: this.registry.addressName(address), key: keyId, account: ownerId };
    return LIMITED.map((limited) => `${this.env.redisKeyPrefix}rate:collect:${limited}:${ids[limited]}`);
  }

  private assertFits(load: Load): void {
    for (const unit of UNITS) {
      const least = Math.min(...this.limits.filter((one) => one.unit === unit).map(({ limit }) => limit));
      if (load[unit] <= least) continue;
      const detail = `A batch may hold ${least} ${unit} here: that is the limit for a second (RATE_LIMITS). Send smaller batches.`;
      throw new AppError(413, 'batch_over_limit', detail);
    }
  }

  private assertNotRefused(names: readonly string[]): void {
    const now = performance.now();
    for (const name of names) {
      const found = this.refused.get(name);
      if (!found) continue;
      if (found.until > now) throw refusal({ ...found.state, msLeft: found.until - now });
      this.refused.delete(name);
    }
  }

  private remember(name: string, state: LimitState): void {
    if (this.refused.size >= REMEMBERED) this.refused.delete(this.refused.keys().next().value!);
    this.refused.set(name, { state, until: performance.now() + state.msLeft });
  }

  private ask(names: string[], load: Load): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      if (this.turns.size === 0) setImmediate(() => this.endTurn());
      const sender = names.join(' ');
      const ask = { load, resolve, reject };
      const turn = this.turns.get(sender);
      if (turn) turn.asks.push(ask);
      else this.turns.set(sender, { names, asks: [ask] });
    });
  }

  private endTurn(): void {
    const turns = this.turns;
    this.turns = new Map();
    for (const turn of turns.values()) void this.askRedis(turn);
  }

  private async askRedis({ names, asks }: Turn): Promise<void> {
    try {
      const limits = this.limits.map(({ limit }) => limit);
      const loads = asks.flatMap(({ load }) => [load.events, load.bytes]);
      const answer = await this.script.run(this.redis, names, [WINDOW_MS, ...limits, ...loads]);
      const states = this.limits.map((one, i): LimitState => {
        const at = Math.floor(i / UNITS.length) * 3;
        return { ...one, used: answer[at + (i % UNITS.length)]!, msLeft: answer[at + 2]! };
      });
      const refusals = answer.slice(LIMITED.length * 3);
      for (const [i, { resolve }] of asks.entries()) {
        const number = refusals[i]!;
        resolve({ states, refusing: number === 0 ? undefined : states[number - 1] });
      }
    } catch (cause) {
      const error = new UnavailableError(
        'buffer_unavailable',
        'Events cannot be taken just now. Send it again.',
        2,
        cause,
      );
      for (const { reject } of asks) reject(error);
    }
  }
}

function share({ used, limit }: LimitState): number {
  return used / limit;
}

/** Of a limit that has refused, nothing is left: whoever sends less may not take the rest of this second either. */
function refusal(state: LimitState): RateLimitedError {
  const headers = limitHeaders({ ...state, used: state.limit });
  return new RateLimitedError(
    `The limit is ${state.limit} ${state.unit} a second for this ${state.limited}. Send it again after Retry-After.`,
    Number(headers['ratelimit-reset']),
    headers,
  );
}

function limitHeaders({ limit, used, msLeft }: LimitState): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(limit - used),
    'ratelimit-reset': String(Math.max(1, Math.ceil(msLeft / 1000))),
  };
}
