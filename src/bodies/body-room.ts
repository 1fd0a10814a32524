import { UnavailableError } from '../common/app-error.js';
import { SMALL_BODY_MAX_BYTES } from '../events/limits.js';

/** Bytes of bodies that a process holds while they are still arriving. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** How much more a byte of an unknown sender weighs than one of an account. */
const UNKNOWN_WEIGHT = 8;

/** Whose bodies count together: an account, or an address while the sender is unknown. */
export interface Holder {
  readonly name: string;
  /** Whether it is an account, shown by a good key or sign-in. */
  readonly known: boolean;
}

/** A body that is still arriving. */
export interface Arriving {
  bytes: number;
  holder: Held;
  refuse: (error: UnavailableError) => void;
}

/** What a holder's bodies hold in total. */
interface Held extends Holder {
  bytes: number;
  bodies: number;
}

/**
 * Bounds the memory of bodies that are still arriving. An account, or an address of unknown senders, may hold half of the
 * room. When the room is full, the holder of the most bytes loses a body, so that whoever sends little is never refused for
 * what others hold.
 */
export class BodyRoom {
  /** In the order in which they began. */
  private readonly arriving = new Set<Arriving>();
  private readonly holders = new Map<string, Held>();
  private held = 0;

  constructor(private readonly roomBytes = ROOM_BYTES) {}

  /** @param refuse called at most once, and not after {@link leave} */
  enter(holder: Holder, refuse: Arriving['refuse']): Arriving {
    const body = { bytes: 0, holder: this.join(holder), refuse };
    this.arriving.add(body);
    return body;
  }

  /** The body's sender has become known: what it holds counts for the account from now on. */
  move(body: Arriving, to: Holder): void {
    if (!this.arriving.has(body)) return;
    const holder = this.join(to);
    this.part(body);
    body.holder = holder;
    holder.bytes += body.bytes;
  }

  /** More of a body has come. The body itself may be the one that is refused. */
  hold(body: Arriving, bytes: number): void {
    if (!this.arriving.has(body)) return;
    body.bytes += bytes;
    body.holder.bytes += bytes;
    this.held += bytes;
    while (body.holder.bytes > this.roomBytes / 2) this.refuseOneOf(body.holder);
    while (this.held > this.roomBytes) this.refuseOneOf(this.heaviest());
  }

  /** A body has come to its end, or is refused. May be called again. */
  leave(body: Arriving): void {
    if (!this.arriving.delete(body)) return;
    this.held -= body.bytes;
    this.part(body);
  }

  private join({ name, known }: Holder): Held {
    const key = known ? name : `address ${name}`;
    let holder = this.holders.get(key);
    if (!holder) this.holders.set(key, (holder = { name: key, known, bytes: 0, bodies: 0 }));
    holder.bodies += 1;
    return holder;
  }

  private part({ holder, bytes }: Arriving): void {
    holder.bytes -= bytes;
    holder.bodies -= 1;
    if (holder.bodies === 0) this.holders.delete(holder.name);
  }

  private heaviest(): Held {
    let found: Held | undefined;
    for (const holder of this.holders.values()) if (!found || weight(holder) > weight(found)) found = holder;
    return found!;
  }

  /** The large body that began first, since it comes from the slowest sender; a small one where there are only small ones. */
  private refuseOneOf(holder: Held): void {
    let first: Arriving | undefined;
    for (const body of this.arriving) {
      if (body.holder !== holder) continue;
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

/** A small body of an unknown sender weighs no more than one of an account: its key may stand at its end. */
function weight({ bytes, known }: Held): number {
  return known || bytes <= SMALL_BODY_MAX_BYTES ? bytes : bytes * UNKNOWN_WEIGHT;
}
