export class HealthDto {
  /** This process is alive. */
  status!: 'ok';
}

export class ChecksDto {
  /** Whether events can be appended; `refuses_writes`: Redis is a replica, full, or cannot write to its disk. */
  redis!: 'ok' | 'away' | 'refuses_writes';

  mysql!: 'ok' | 'away';

  /** `full`: nothing more is taken; `old`: the oldest event waits too long; `unknown`: Redis is away. */
  backlog!: 'ok' | 'full' | 'old' | 'unknown';

  /** Whether any worker was seen lately; `unknown`: Redis is away. */
  worker!: 'ok' | 'unseen' | 'unknown';

  /** Whether revoked keys are known, where this process accepts events; they stay known while MySQL is away a while. */
  revocations?: 'ok' | 'unknown';
}

export class ReadyDto {
  /** `degraded`: accepts events, but they are not counted as they should; `unavailable`: accepts none. */
  status!: 'ok' | 'degraded' | 'unavailable';

  checks!: ChecksDto;

  /** What REDIS_DURABILITY says of a 202: `relaxed` survives our processes, not Redis. */
  durability!: 'fsync' | 'vouched' | 'relaxed';

  /** True from the moment on which this process was told to stop. */
  stopping!: boolean;
}
