import { UnavailableError } from '../common/app-error.js';
import { SMALL_BODY_MAX_BYTES } from '../events/limits.js';

/** Bytes of bodies that a process holds while they are still arriving. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** Of an account, and of all unknown senders together. */
const HALF = 1 / 2;
/** Kept for unknown senders: where the key stands at the end of a body, its sender is unknown until all of it has come. */
const KEPT_FOR_UNKNOWN = 1 / 8;

/** Whose bodies count together: an account, or an address while the sender is unknown. */
export interface Holder {
  readonly name: string;
  /** Whether it is an account, shown by a good key or sign-in. */
  readonly known: boolean;
  /** Of an address: the larger network that it belongs to. Left out: the name. */
  readonly network?: string;
}

/** A body that is still arriving. */
export interface Arriving {
  bytes: number;
  holder: Held;
  refuse: (error: UnavailableError) => void;
}

/** What a holder's bodies hold in total. */
interface Held {
  readonly name: string;
  readonly group: Group;
  bytes: number;
  /** In the order in which they began, or became the holder's. */
  readonly bodies: Set<Arriving>;
}

/** An account with itself as its only holder, or a network with the addresses that hold something. */
interface Group {
  readonly name: string;
  readonly pool: Pool;
  bytes: number;
  readonly holders: Map<string, Held>;
}

/** All accounts, or all unknown senders. */
interface Pool {
  readonly known: boolean;
  bytes: number;
  readonly groups: Map<string, Group>;
}

/**
 * Bounds the memory of bodies that are still arriving. An account may hold half of the room, and so may all unknown senders
 * together. When the room is full, unknown senders lose a body first, so that no account is refused for what they hold. An
 * eighth is kept for them, so that accounts do not shut them out. Among accounts, and among unknown senders, whoever
 * holds the most loses a body, so that nobody who sends little is refused for what others hold.
 */
export class BodyRoom {
  private readonly known: Pool = { known: true, bytes: 0, groups: new Map() };
  private readonly unknown: Pool = { known: false, bytes: 0, groups: new Map() };

  constructor(private readonly roomBytes = ROOM_BYTES) {}

  /** @param refuse called at most once, and not after {@link leave} */
  enter(holder: Holder, refuse: Arriving['refuse']): Arriving {
    const body = { bytes: 0, holder: this.join(holder), refuse };
    body.holder.bodies.add(body);
    return body;
  }

  /** The body's sender has become known: what it holds counts for the account from now on. */
  move(body: Arriving, to: Holder): void {
    if (!body.holder.bodies.has(body)) return;
    this.leave(body);
    body.holder = this.join(to);
    body.holder.bodies.add(body);
    add(body.holder, body.bytes);
  }

  /** More of a body has come. The body itself may be the one that is refused. */
  hold(body: Arriving, bytes: number): void {
    if (!body.holder.bodies.has(body)) return;
    body.bytes += bytes;
    add(body.holder, bytes);
    const { roomBytes, known, unknown } = this;
    const half = roomBytes * HALF;
    const account = body.holder.group.pool.known ? body.holder : undefined;
    while (account && account.bytes > half) this.refuseOneOf(account);
    while (known.bytes > roomBytes * (1 - KEPT_FOR_UNKNOWN)) this.refuseOneOf(heaviestIn(known));
    while (unknown.bytes > Math.min(half, roomBytes - known.bytes)) this.refuseOneOf(heaviestIn(unknown));
  }

  /** A body has come to its end, or is refused. May be called again. */
  leave(body: Arriving): void {
    const { holder } = body;
    if (!holder.bodies.delete(body)) return;
    add(holder, -body.bytes);
    if (holder.bodies.size > 0) return;
    const { group } = holder;
    group.holders.delete(holder.name);
    if (group.holders.size === 0) group.pool.groups.delete(group.name);
  }

  private join({ name, known, network = name }: Holder): Held {
    const pool = known ? this.known : this.unknown;
    const group = found(pool.groups, network, () => ({ name: network, pool, bytes: 0, holders: new Map() }));
    return found(group.holders, name, () => ({ name, group, bytes: 0, bodies: new Set() }));
  }

  /** The large body that began first, since it comes from the slowest sender; a small one where there are only small ones. */
  private refuseOneOf(holder: Held): void {
    let first: Arriving | undefined;
    for (const body of holder.bodies) {
      first ??= body;
      if (body.bytes <= SMALL_BODY_MAX_BYTES) continue;
      first = body;
      break;
    }
    this.leave(first!);
    first!.refuse(
      new UnavailableError('bodies_too_slow', 'Too many bodies are arriving slowly. Send it again, at once.', 2),
    );
  }
}

function add(holder: Held, bytes: number): void {
  holder.bytes += bytes;
  holder.group.bytes += bytes;
  holder.group.pool.bytes += bytes;
}

function found<T>(map: Map<string, T>, name: string, make: () => T): T {
  let one = map.get(name);
  if (!one) map.set(name, (one = make()));
  return one;
}

/** Of the network that holds the most: whoever has a network of many addresses gains nothing by using them all. */
function heaviestIn(pool: Pool): Held {
  return heaviest(heaviest(pool.groups).holders);
}

/** The first of those that hold the most. */
function heaviest<T extends { bytes: number }>(some: ReadonlyMap<string, T>): T {
  let most: T | undefined;
  for (const one of some.values()) if (!most || one.bytes > most.bytes) most = one;
  return most!;
}
