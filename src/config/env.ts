import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { AllowList } from './allow-list.js';
import { type ReadModelAddress, readClickhouseUrls } from './clickhouse-url.js';
import { ConfigError } from './config-error.js';
import { EnvReader, type EnvSource } from './env-reader.js';
import { readRateLimits, type RateLimits } from './rate-limits.js';
import { readSecretRing, type SecretRing } from './secrets.js';
import { readCollectPath, readTrackerName } from './public-paths.js';
import { readDatabaseUrl, readRedisUrl, type DatabaseAddress, type RedisAddress } from './service-url.js';

/** What a process needs configured: the API needs all, worker and command-line programs no tokens and no sign-in. */
export type ProcessRole = 'api' | 'worker' | 'command';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const DURABILITY = ['fsync', 'vouched', 'relaxed'] as const;
const MIB = 1024 * 1024;
const LOOPBACK = '127.0.0.1';
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?(\.[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?)*$/i;

/**
 * The whole configuration, validated once at start and frozen. Nothing else reads process.env. Every property is
 * explained, with its variable, in .env.example.
 * @throws ConfigError with one line a fault; a line names the variable, never its value.
 */
export class Env {
  readonly nodeEnv: 'development' | 'production' | 'test';
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly workerPort: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Origin that people use, without a trailing slash. */
  readonly publicUrl: string;
  /** Name under which the browser script is served, without a leading slash. It is served as `t.js` too. */
  readonly trackerName: string;
  /** Path to which the browser script posts, without a trailing slash. The documented paths go on working. */
  readonly collectPath: string;
  readonly database: DatabaseAddress;
  readonly redis: RedisAddress;
  /** Undefined: there is no ClickHouse, and nothing is copied. */
  readonly readModel?: ReadModelAddress;
  readonly redisKeyPrefix: string;
  readonly redisDurability: (typeof DURABILITY)[number];
  readonly mysqlDurability: (typeof DURABILITY)[number];
  /** Undefined in processes that neither sign nor verify. */
  readonly userTokenSecrets?: SecretRing;
  readonly keyTokenSecrets?: SecretRing;
  readonly google: {
    clientId?: string;
    clientSecret?: string;
    authorizationUrl?: string;
    tokenUrl?: string;
    userinfoUrl?: string;
  };
  readonly signInAllow: AllowList;
  /** Who sees the installation's health; undefined: nobody in production, everybody where local sign-in is on. */
  readonly operators?: AllowList;
  readonly localSignIn: boolean;
  /** Days from the sign-in to the end of its session, whatever is renewed. */
  readonly sessionMaxDays: number;
  /** CIDRs or `loopback`. */
  readonly trustedProxies: readonly string[];
  readonly flushThreshold: number;
  readonly flushIntervalMs: number;
  readonly bufferMaxBytes: number;
  /** Percent of bufferMaxBytes that an account may hold while others need the rest. */
  readonly bufferAccountShare: number;
  readonly rateLimits: RateLimits;
  readonly metricsToken?: string;
  /** Timings that tests shorten. */
  readonly chunkMaxEvents: number;
  readonly chunkMaxBytes: number;
  readonly claimLeaseMs: number;
  readonly lockWaitTimeoutS: number;
  readonly mysqlTimeoutMs: number;
  readonly registryPollMs: number;
  readonly registryMaxAgeMs: number;
  readonly retentionIntervalMs: number;
  readonly copyTimeoutMs: number;
  /** Expired events are deleted from the read model at most this often; questions leave them out at once. */
  readonly copyRetentionIntervalMs: number;
  readonly readyWorkerMaxAgeMs: number;
  readonly readyBacklogMaxAgeMs: number;
  readonly signInTimeoutMs: number;
  readonly shutdownTimeoutMs: number;

  private constructor(reader: EnvReader, role: ProcessRole) {
    this.nodeEnv = reader.choice('NODE_ENV', 'development', ['development', 'production', 'test'] as const);
    this.production = this.nodeEnv === 'production';
    this.host = this.readHost(reader);
    this.port = reader.integer('PORT', 3000, 1, 65535);
    this.workerPort = reader.integer('WORKER_PORT', 0, 0, 65535);
    this.dataDir = resolve(reader.text('DATA_DIR') ?? '.data');
    this.logLevel = reader.choice('LOG_LEVEL', 'info', LOG_LEVELS);
    this.publicUrl = this.readPublicUrl(reader, role);
    this.trackerName = readTrackerName(reader);
    this.collectPath = readCollectPath(reader);
    this.database = readDatabaseUrl(reader) as DatabaseAddress;
    this.redis = readRedisUrl(reader) as RedisAddress;
    this.readModel = readClickhouseUrls(reader, role);
    this.redisKeyPrefix = reader.text('REDIS_KEY_PREFIX') ?? 'tallystone:';
    if (/[{}\s*?[\]]/.test(this.redisKeyPrefix))
      reader.fault('REDIS_KEY_PREFIX', 'must not hold {, }, *, ?, [, ] or spaces');
    this.redisDurability = reader.choice('REDIS_DURABILITY', 'fsync', DURABILITY);
    this.mysqlDurability = reader.choice('MYSQL_DURABILITY', 'fsync', DURABILITY);
    if (role === 'api') {
      const options = { production: this.production, dataDir: this.dataDir };
      this.userTokenSecrets = readSecretRing(reader, 'USER_TOKEN_SECRET', options);
      this.keyTokenSecrets = readSecretRing(reader, 'KEY_TOKEN_SECRET', options);
      this.refuseSharedSecret(reader);
    }
    this.google = this.readGoogle(reader, role);
    this.signInAllow = this.readSignInAllow(reader, role);
    this.operators = this.readOperators(reader);
    this.localSignIn = this.readLocalSignIn(reader);
    this.sessionMaxDays = reader.integer('SESSION_MAX_DAYS', 90, 1, 365);
    this.trustedProxies = this.readTrustedProxies(reader);
    this.flushThreshold = reader.integer('FLUSH_THRESHOLD', 500, 1, 1_000_000);
    this.flushIntervalMs = reader.integer('FLUSH_INTERVAL_MS', 1000, 10, 3_600_000);
    this.bufferMaxBytes = reader.integer('BUFFER_MAX_BYTES', 256 * MIB, MIB, Number.MAX_SAFE_INTEGER);
    this.bufferAccountShare = reader.integer('BUFFER_ACCOUNT_SHARE', 25, 1, 100);
    this.rateLimits = readRateLimits(reader);
    this.metricsToken = reader.secret('METRICS_TOKEN');
    this.chunkMaxEvents = reader.integer('CHUNK_MAX_EVENTS', 2000, 1, 10_000);
    this.chunkMaxBytes = reader.integer('CHUNK_MAX_BYTES', 4 * MIB, 1024, 12 * MIB);
    this.claimLeaseMs = reader.integer('CLAIM_LEASE_MS', 30_000, 500, 600_000);
    this.lockWaitTimeoutS = reader.integer('LOCK_WAIT_TIMEOUT_S', 5, 1, 50);
    this.mysqlTimeoutMs = reader.integer('MYSQL_TIMEOUT_MS', 60_000, 1000, 3_600_000);
    if (this.mysqlTimeoutMs <= this.lockWaitTimeoutS * 1000) {
      reader.fault(
        'MYSQL_TIMEOUT_MS',
        'must be longer than LOCK_WAIT_TIMEOUT_S: who waits for a row hears nothing so long',
      );
    }
    this.registryPollMs = reader.integer('REGISTRY_POLL_MS', 500, 50, 900);
    this.registryMaxAgeMs = reader.integer('REGISTRY_MAX_AGE_MS', 900_000, 1000, 86_400_000);
    this.retentionIntervalMs = reader.integer('RETENTION_INTERVAL_MS', 600_000, 100, 86_400_000);
    this.copyRetentionIntervalMs = reader.integer('COPY_RETENTION_INTERVAL_MS', 86_400_000, 100, 604_800_000);
    this.copyTimeoutMs = reader.integer('COPY_TIMEOUT_MS', 15_000, 100, 600_000);
    this.readyWorkerMaxAgeMs = reader.integer('READY_WORKER_MAX_AGE_MS', 60_000, 1000, 3_600_000);
    this.readyBacklogMaxAgeMs = reader.integer('READY_BACKLOG_MAX_AGE_MS', 120_000, 1000, 3_600_000);
    this.signInTimeoutMs = reader.integer('SIGN_IN_TIMEOUT_MS', 15_000, 100, 120_000);
    this.shutdownTimeoutMs = reader.integer('SHUTDOWN_TIMEOUT_MS', 10_000, 100, 600_000);
    if (reader.faults.length > 0) throw new ConfigError(reader.faults);
    Object.freeze(this);
  }

  /** Reads and validates. @throws ConfigError */
  static load(role: ProcessRole, source: EnvSource = process.env): Env {
    return new Env(new EnvReader(source), role);
  }

  /** True where cookies must be Secure and carry the __Host- prefix. */
  get https(): boolean {
    return this.publicUrl.startsWith('https:');
  }

  private readHost(reader: EnvReader): string {
    const host = reader.text('HOST') ?? LOOPBACK;
    // What ends in digits must be an address: 127.0.0.300 is no name.
    const isName = HOST_NAME.test(host) && !/(^|\.)\d+$/.test(host);
    if (isName || isIP(host)) return host;
    reader.fault(
      'HOST',
      'must be an address of this machine or its name, without port or brackets, as in 127.0.0.1 or ::1',
    );
    return LOOPBACK;
  }

  private readPublicUrl(reader: EnvReader, role: ProcessRole): string {
    const url = reader.url('PUBLIC_URL', ['http:', 'https:']);
    if (!url) {
      if (this.production && role === 'api' && !reader.text('PUBLIC_URL')) {
        reader.fault('PUBLIC_URL', 'is required in production: the https address that people use');
      }
      const name = ['0.0.0.0', '::', '::1'].includes(this.host) ? 'localhost' : this.host.replace(/%.*/, '');
      return `http://${isIP(name) === 6 ? `[${name}]` : name}:${this.port}`;
    }
    if (url.pathname !== '/' || url.search || url.hash || url.username) {
      reader.fault('PUBLIC_URL', 'must be scheme, host and port alone, as in https://tally.example.com');
    }
    if (url.protocol === 'http:' && this.production && !isLoopbackName(url.hostname)) {
      reader.fault('PUBLIC_URL', 'must be https in production (http is for loopback only)');
    }
    return url.origin;
  }

  private refuseSharedSecret(reader: EnvReader): void {
    const names = new Set(this.userTokenSecrets?.map((secret) => secret.kid));
    if (this.keyTokenSecrets?.some((secret) => names.has(secret.kid))) {
      reader.fault('KEY_TOKEN_SECRET', 'shares a secret with USER_TOKEN_SECRET: the two tokens need their own');
    }
  }

  private readGoogle(reader: EnvReader, role: ProcessRole): Env['google'] {
    const clientId = reader.text('GOOGLE_CLIENT_ID');
    const clientSecret = reader.secret('GOOGLE_CLIENT_SECRET');
    if (role === 'api' && Boolean(clientId) !== Boolean(clientSecret)) {
      const missing = clientId ? 'GOOGLE_CLIENT_SECRET' : 'GOOGLE_CLIENT_ID';
      reader.fault(missing, 'is missing: the Google client needs both its id and its secret');
    }
    if (role === 'api' && this.production && !clientId) {
      reader.fault(
        'GOOGLE_CLIENT_ID',
        'is required in production, or nobody could sign in (docs/google.md says how to get one)',
      );
    }
    const userinfoUrl = reader.url('GOOGLE_USERINFO_URL', ['http:', 'https:']);
    if (userinfoUrl && !userinfoUrl.pathname.endsWith('/userinfo')) {
      reader.fault('GOOGLE_USERINFO_URL', 'must have a path that ends in /userinfo');
    }
    return Object.freeze({
      clientId,
      clientSecret,
      authorizationUrl: reader.url('GOOGLE_AUTHORIZATION_URL', ['http:', 'https:'])?.href,
      tokenUrl: reader.url('GOOGLE_TOKEN_URL', ['http:', 'https:'])?.href,
      userinfoUrl: userinfoUrl?.href,
    });
  }

  private readSignInAllow(reader: EnvReader, role: ProcessRole): AllowList {
    const entries = reader.list('SIGN_IN_ALLOW');
    if (!entries && this.production && role === 'api') {
      reader.fault(
        'SIGN_IN_ALLOW',
        'is required in production: e-mails and @domains that may sign in, or * for anyone',
      );
    }
    if (entries?.some((entry) => !AllowList.isEntry(entry))) {
      reader.fault(
        'SIGN_IN_ALLOW',
        'must be a comma-separated list of e-mails and @domains (of a Google Workspace), or * alone',
      );
    }
    return new AllowList(entries ?? ['*']);
  }

  private readOperators(reader: EnvReader): AllowList | undefined {
    const entries = reader.list('OPERATORS');
    if (!entries) return undefined;
    const list = new AllowList(entries);
    if (list.anyone || entries.some((entry) => !AllowList.isEntry(entry))) {
      reader.fault(
        'OPERATORS',
        'must be a comma-separated list of e-mails and @domains of a Google Workspace (* is refused)',
      );
    }
    return list;
  }

  private readLocalSignIn(reader: EnvReader): boolean {
    const asked = reader.flag('LOCAL_SIGN_IN');
    if (asked === undefined) {
      // Without a Google client a person at the machine itself may still look around; elsewhere nobody can sign in.
      const loopback = isLoopbackName(this.host) && isLoopbackName(new URL(this.publicUrl).hostname);
      return !this.production && !this.google.clientId && loopback;
    }
    if (!asked) return false;
    if (this.production) reader.fault('LOCAL_SIGN_IN', 'is refused in production: anyone could sign in as anyone');
    if (!isLoopbackName(this.host)) reader.fault('LOCAL_SIGN_IN', 'is refused while HOST is not loopback');
    if (!isLoopbackName(new URL(this.publicUrl).hostname)) {
      reader.fault('LOCAL_SIGN_IN', 'is refused while PUBLIC_URL is not loopback');
    }
    return true;
  }

  private readTrustedProxies(reader: EnvReader): readonly string[] {
    const entries = reader.list('TRUSTED_PROXIES') ?? ['loopback'];
    for (const entry of entries) {
      if (entry === 'loopback') continue;
      const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
      const family = isIP(address);
      if (!family || (bits && Number(bits) > (family === 4 ? 32 : 128))) {
        reader.fault('TRUSTED_PROXIES', 'must be a comma-separated list of addresses or CIDRs, as in 10.0.0.0/8');
      } else if (bits && Number(bits) === 0) {
        reader.fault(
          'TRUSTED_PROXIES',
          'must not trust every address (/0): anybody could then claim any address, and limits per address would mean ' +
            'nothing. Name the proxies alone',
        );
      }
    }
    return Object.freeze(entries);
  }
}

/** localhost, 127.0.0.0/8 and ::1 (with or without brackets). */
export function isLoopbackName(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
