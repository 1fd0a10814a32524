import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

interface Hold {
  at: string;
  /** What has not been passed on: in the order in which it came, all of one connection. */
  held: { from: Socket; to: Socket; data: Buffer[] } | undefined;
  begun: () => void;
}

interface Trap {
  after: string;
  at: string;
  arrives: boolean;
  sprung: () => void;
}

/** A port of 127.0.0.1 that leads to a service, and can be cut and mended: the service itself serves other tests too. */
export class Relay {
  private readonly sockets = new Set<Socket>();
  /** Whose packets vanish. */
  private readonly silent = new Set<Socket>();
  private trap?: Trap;
  private hold?: Hold;
  private delayMs = 0;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(target: NetConnectOpts): Promise<Relay> {
    const server = createServer((incoming) => {
      const outgoing = connect(target);
      for (const socket of [incoming, outgoing]) {
        relay.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          relay.sockets.delete(socket);
          if (relay.silent.has(socket) || relay.hold?.held?.from === incoming) return;
          incoming.destroy();
          outgoing.destroy();
        });
      }
      relay.forward(incoming, outgoing);
    });
    await listen(server, 0);
    const relay: Relay = new Relay(server, (server.address() as AddressInfo).port);
    return relay;
  }

  private forward(incoming: Socket, outgoing: Socket): void {
    let isNear = false;
    incoming.on('data', (data) => {
      if (this.silent.has(incoming)) return;
      if (this.isHeld(incoming, outgoing, data)) return;
      const { trap } = this;
      if (trap) {
        isNear ||= data.includes(trap.after);
        if (isNear && data.includes(trap.at)) {
          this.trap = undefined;
          if (trap.arrives) outgoing.write(data);
          this.silent.add(incoming).add(outgoing);
          trap.sprung();
          return;
        }
      }
      outgoing.write(data);
    });
    outgoing.on('data', (data) => {
      if (this.silent.has(outgoing)) return;
      // Timers of one length fire in the order in which they were set: no answer overtakes another.
      if (this.delayMs > 0) setTimeout(() => incoming.write(data), this.delayMs);
      else incoming.write(data);
    });
  }

  /** From now on every packet of the connections there are vanishes, both ways, and neither side hears that the other went. */
  silence(): void {
    for (const socket of this.sockets) this.silent.add(socket);
  }

  /**
   * The same for the one connection on which a client says `at` after it has said `after`.
   * @param arrives whether this still reaches the service, which then answers in vain
   * @returns when it has happened
   */
  silenceAt(after: string, at: string, arrives: boolean): Promise<void> {
    return new Promise((sprung) => (this.trap = { after, at, arrives, sprung }));
  }

  /**
   * What a client says from `at` on stays here until {@link release}, also when the client has gone by then.
   * @returns when it has been said
   */
  holdAt(at: string): Promise<void> {
    return new Promise((begun) => (this.hold = { at, held: undefined, begun }));
  }

  /** Passes on what was held. */
  release(): void {
    const { held } = this.hold!;
    for (const data of held!.data) held!.to.write(data);
    this.hold = undefined;
  }

  private isHeld(from: Socket, to: Socket, data: Buffer): boolean {
    const { hold } = this;
    if (!hold) return false;
    if (hold.held) {
      if (hold.held.from === from) hold.held.data.push(data);
      return hold.held.from === from;
    }
    if (!data.includes(hold.at)) return false;
    hold.held = { from, to, data: [data] };
    hold.begun();
    return true;
  }

  /** From now on the service's answers arrive that much later. @param ms 0: at once again */
  delayAnswers(ms: number): void {
    this.delayMs = ms;
  }

  /** Ends every connection and takes no new one. */
  async cut(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    if (!this.server.listening) await listen(this.server, this.port);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
