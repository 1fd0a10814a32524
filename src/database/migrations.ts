import type { MigrationInterface } from 'typeorm';
import { FirstSchema1764000000000 } from '../../migrations/1764000000000-first-schema.js';
import { AuditLog1764100000000 } from '../../migrations/1764100000000-audit-log.js';
import { Privacy1764200000000 } from '../../migrations/1764200000000-privacy.js';
import { SealedUsers1764300000000 } from '../../migrations/1764300000000-sealed-users.js';
import { AccountAccess1764740000000 } from '../../migrations/1764740000000-account-access.js';
import { SessionEnds1764741000000 } from '../../migrations/1764741000000-session-ends.js';
import { Outbox1764900000000 } from '../../migrations/1764900000000-outbox.js';
import { ErasureOfTheCopy1764910000000 } from '../../migrations/1764910000000-erasure-of-the-copy.js';
import { RebuildBeside1764920000000 } from '../../migrations/1764920000000-rebuild-beside.js';
import { OwnHosts1764930000000 } from '../../migrations/1764930000000-own-hosts.js';
import { ArchivedUsers1765000000000 } from '../../migrations/1765000000000-archived-users.js';

/** Every migration, oldest first. Named one by one: a build finds them whatever the folder. */
export const MIGRATIONS: (new () => MigrationInterface)[] = [
  FirstSchema1764000000000,
  AuditLog1764100000000,
  Privacy1764200000000,
  SealedUsers1764300000000,
  AccountAccess1764740000000,
  SessionEnds1764741000000,
  Outbox1764900000000,
  ErasureOfTheCopy1764910000000,
  RebuildBeside1764920000000,
  OwnHosts1764930000000,
  ArchivedUsers1765000000000,
];
