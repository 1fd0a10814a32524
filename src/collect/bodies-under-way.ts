import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { AppError, UnavailableError } from '../common/app-error.js';
import { Metrics } from '../metrics/metrics.service.js';

const MIB = 1024 * 1024;
/**
 * Bytes of bodies, as read, that are parsed and not answered yet. Parsed JSON takes up to twenty times the memory, and a
 * batch of new User-Agents takes a tenth of a second. Without this limit the batches that wait would fill the memory.
 */
const ACCOUNT_BYTES = 8 * MIB;
const TOTAL_BYTES = 32 * MIB;
/** Smaller bodies are not counted: they are answered at once. */
export const COUNTED_MIN_BYTES = 4096;

/** Bounds the bodies that a process has parsed and still works on: for each account, and for all together. */
@Injectable()
export class BodiesUnderWay {
  private readonly accounts = new Map<string, number>();
  private total = 0;

  constructor(metrics: Metrics) {
    const total = (): number => this.total;
    new Gauge({
      name: 'tallystone_ingest_bytes_under_way',
      help: 'Bytes of collect bodies that are parsed and not answered yet; bodies under 4 KiB are not counted',
      registers: [metrics.registry],
      collect(this: Gauge) {
        this.set(total());
      },
    });
  }

  /**
   * Takes a body in. One body of an account is always let in, as far as others leave room.
   * @param account 32 hex digits @param bytes as read
   * @returns to be called once, when the request is answered or its connection closed
   * @throws AppError 429 when the account has too much under way, UnavailableError when all have
   */
  begin(account: string, bytes: number): () => void {
    if (bytes < COUNTED_MIN_BYTES) return nothing;
    const own = this.accounts.get(account) ?? 0;
    if (own > 0 && own + bytes > ACCOUNT_BYTES) {
      const detail =
        'Earlier batches of this account are still being processed. Send fewer at a time; try again in a second.';
      throw new AppError(429, 'too_many_at_once', detail, { headers: { 'retry-after': '1' } });
    }
    if (this.total + bytes > TOTAL_BYTES) {
      throw new UnavailableError('too_busy', 'Too many batches are being processed just now. Send it again.', 1);
    }
    this.accounts.set(account, own + bytes);
    this.total += bytes;
    return () => {
      this.total -= bytes;
      const left = this.accounts.get(account)! - bytes;
      if (left > 0) this.accounts.set(account, left);
      else this.accounts.delete(account);
    };
  }
}

function nothing(): void {
  // Such a body was not counted.
}
