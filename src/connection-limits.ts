import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from './common/logger.js';
import { trustedProxies } from './common/trusted-proxies.js';
import type { Env } from './config/env.js';
import { limitedNetworks } from './registry/network.js';

/** Descriptors that are kept for MySQL, Redis, files and answers to those who are connected. */
const KEPT_DESCRIPTORS = 512;
/** Of a limit on descriptors that is too low for that, this part goes to connections. */
const LEAST_PART = 0.5;
/** Connections where the system names no limit on descriptors. */
const DEFAULT_CONNECTIONS = 50_000;
/** Idle connections are closed, and refusals logged, no more often than this. */
const CLOSE_IDLE_EVERY_MS = 1000;
const LOG_EVERY_MS = 60_000;

/** How many connections a server takes at a time. */
export interface ConnectionLimits {
  /** In total. */
  total: number;
  /** From one address: an IPv4 address, or the /64 of an IPv6 address. Five times as many from a /48. */
  address: number;
  /** Whether a peer is a proxy in front, whose connections are those of many visitors: no limit of its own. */
  isProxy: (peer: string | undefined) => boolean;
}

/** The limits of this process, by its configuration and its limit on descriptors. */
export function connectionLimits(env: Env): ConnectionLimits {
  return { total: totalFor(descriptorLimit()), address: env.rateLimits.connections, isProxy: trustedProxies(env) };
}

/** @param descriptors that the process may open; undefined where there is no limit */
export function totalFor(descriptors: number | undefined): number {
  if (descriptors === undefined) return DEFAULT_CONNECTIONS;
  return Math.max(descriptors - KEPT_DESCRIPTORS, Math.floor(descriptors * LEAST_PART));
}

/** Undefined: unlimited, or not told by this system. Node raises the soft limit to the hard one when it starts. */
function descriptorLimit(): number | undefined {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined; // Only Linux has it.
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/**
 * Keeps a server's connections below its limits: a connection too many is closed at once. Near the total, connections that are
 * idle between two requests are closed first, so that whoever comes to send something finds a place.
 */
export function limitConnections(server: Server, limits: ConnectionLimits, logger: Pick<Logger, 'warn'>): void {
  const open = new Map<string, number>();
  let all = 0;
  let idleClosedAt = -Infinity;
  const refusals = new Refusals(limits, logger);
  server.maxConnections = limits.total;
  server.on('drop', () => {
    refusals.note('total');
    closeIdle();
  });
  server.on('connection', (socket: Socket) => {
    all += 1;
    socket.once('close', () => (all -= 1));
    if (all >= limits.total) closeIdle();
    const { remoteAddress } = socket;
    // A connection that has been closed already has no peer.
    if (remoteAddress === undefined || limits.isProxy(remoteAddress)) return;
    const networks = limitedNetworks(remoteAddress);
    if (networks.some(({ name, times }) => (open.get(name) ?? 0) >= limits.address * times)) {
      refusals.note('address');
      socket.destroy();
      return;
    }
    for (const { name } of networks) open.set(name, (open.get(name) ?? 0) + 1);
    socket.once('close', () => {
      for (const { name } of networks) {
        const left = open.get(name)! - 1;
        if (left > 0) open.set(name, left);
        else open.delete(name);
      }
    });
  });

  function closeIdle(): void {
    const now = performance.now();
    if (now - idleClosedAt < CLOSE_IDLE_EVERY_MS) return;
    idleClosedAt = now;
    server.closeIdleConnections();
  }
}

/** Tells the log once a minute that connections are refused, without saying whose. */
class Refusals {
  private readonly counts = { address: 0, total: 0 };
  private loggedAt = -Infinity;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {}

  note(limit: 'address' | 'total'): void {
    this.counts[limit] += 1;
    const now = performance.now();
    if (now - this.loggedAt < LOG_EVERY_MS) return;
    this.loggedAt = now;
    const { address, total } = this.counts;
    this.logger.warn(
      {
        refusedByAddress: address,
        refusedInTotal: total,
        limits: { address: this.limits.address, total: this.limits.total },
      },
      'Connections were refused: an address has too many open, or the process has. Name a proxy in front in TRUSTED_PROXIES',
    );
    this.counts.address = this.counts.total = 0;
  }
}
