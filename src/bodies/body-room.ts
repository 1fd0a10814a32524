import { UnavailableError } from '../common/app-error.js';

/** Bytes of bodies that a process holds while they are still arriving. */
const ROOM_BYTES = 64 * 1024 * 1024;

/** A body that is still arriving. */
export interface Arriving {
  bytes: number;
  /** Whether its sender has shown a good key or sign-in. */
  known: boolean;
  refuse: (error: UnavailableError) => void;
}

/**
 * Bounds the memory of bodies that are still arriving. Where there is no room left, a body goes: of unknown senders first,
 * and among them the one that began first, since it comes from the slowest sender.
 */
export class BodyRoom {
  /** In the order in which they began. */
  private readonly arriving = new Set<Arriving>();
  private held = 0;

  constructor(private readonly roomBytes = ROOM_BYTES) {}

  /** @param refuse called at most once, and not after {@link leave} */
  enter(refuse: Arriving['refuse']): Arriving {
    const body = { bytes: 0, known: false, refuse };
    this.arriving.add(body);
    return body;
  }

  /** More of a body has come. The body itself may be the one that goes. */
  hold(body: Arriving, bytes: number): void {
    if (!this.arriving.has(body)) return;
    body.bytes += bytes;
    this.held += bytes;
    while (this.held > this.roomBytes) {
      const first = this.first();
      this.leave(first);
      first.refuse(
        new UnavailableError('bodies_too_slow', 'Too many bodies are arriving slowly. Send it again, at once.', 2),
      );
    }
  }

  private first(): Arriving {
    for (const body of this.arriving) if (!body.known) return body;
    return this.arriving.values().next().value!;
  }

  /** A body has come to its end, or is refused. May be called again. */
  leave(body: Arriving): void {
    if (!this.arriving.delete(body)) return;
    this.held -= body.bytes;
  }
}
