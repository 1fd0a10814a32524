import { ApiKey } from './api-key.entity.js';
import { App } from './app.entity.js';
import { ArchivedUser, ArchiveOutboxDay } from './archived-user.entity.js';
import { AuditEntry } from './audit-entry.entity.js';
import { DeadLetter } from './dead-letter.entity.js';
import { Erasure } from './erasure.entity.js';
import { EventSummary } from './event-summary.entity.js';
import { Event } from './event.entity.js';
import { IngestBatch } from './ingest-batch.entity.js';
import { IngestClaim } from './ingest-claim.entity.js';
import { Installation } from './installation.entity.js';
import { OutboxBatch } from './outbox.entity.js';
import { RecoveredBatch } from './recovered-batch.entity.js';
import { ReadModelState } from './read-model-state.entity.js';
import { Session } from './session.entity.js';
import { SignInFlow } from './sign-in-flow.entity.js';
import { UserAnalytics } from './user-analytics.entity.js';
import { User } from './user.entity.js';
import { VisitorSecret } from './visitor-secret.entity.js';

export type { RetentionRollups } from './app.entity.js';
export type { ErasureStage, ErasureSubject, RedisFile } from './erasure.entity.js';

export {
  ApiKey,
  App,
  ArchivedUser,
  ArchiveOutboxDay,
  AuditEntry,
  DeadLetter,
  Erasure,
  Event,
  EventSummary,
  IngestBatch,
  IngestClaim,
  Installation,
  OutboxBatch,
  ReadModelState,
  RecoveredBatch,
  Session,
  SignInFlow,
  User,
  UserAnalytics,
  VisitorSecret,
};

export const ENTITIES = [
  User,
  Session,
  SignInFlow,
  App,
  ApiKey,
  Event,
  EventSummary,
  UserAnalytics,
  ArchivedUser,
  ArchiveOutboxDay,
  IngestClaim,
  IngestBatch,
  DeadLetter,
  Erasure,
  AuditEntry,
  VisitorSecret,
  Installation,
  OutboxBatch,
  ReadModelState,
  RecoveredBatch,
];
