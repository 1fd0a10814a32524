import { crc32 } from 'node:zlib';

/** How many sightings a cell holds, and two checksums over them (CRC-32, as MySQL makes it) that forget their order. */
export class SightingsSum {
  constructor(
    private readonly n: number,
    private readonly low: bigint,
    private readonly high: bigint,
  ) {}

  /** As the database made it: big numbers come as texts. */
  static of({ n, low, high }: { n: string; low: string; high: string }): SightingsSum {
    return new SightingsSum(Number(n), BigInt(low), BigInt(high));
  }

  /** @param sightings quarter-hours (0 to 95) by user key (32 hex digits) */
  static over(sightings: ReadonlyMap<string, ReadonlySet<number>>): SightingsSum {
    let n = 0;
    let low = 0;
    let high = 0;
    const bytes = Buffer.alloc(18);
    for (const [userKey, quarters] of sightings) {
      bytes.write(userKey, 1, 16, 'hex');
      for (const quarter of quarters) {
        bytes[0] = bytes[17] = quarter;
        n += 1;
        low += crc32(bytes.subarray(1));
        high += crc32(bytes.subarray(0, 17));
      }
    }
    return new SightingsSum(n, BigInt(low), BigInt(high));
  }

  equals(other: SightingsSum): boolean {
    return this.n === other.n && this.low === other.low && this.high === other.high;
  }
}
