import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Device } from '../../events/event.js';
import { hex, utf8 } from '../column-transformers.js';

/**
 * A counted event. Partitioned by month of its id. Ids, names and user values are VARBINARY holding UTF-8. No
 * auto-increment, no foreign keys: only processing writes here, in bulk (processing/repositories/event.repository.ts).
 */
@Entity('events')
@Index('events_user', ['appId', 'userKey', 'occurredAt'])
export class Event {
  @PrimaryColumn({ name: 'app_id', type: 'binary', length: 16, transformer: hex })
  appId!: string;

  /** UUIDv7 of the event's own time. */
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hex })
  id!: string;

  /** As the client sent it. */
  @Column({ name: 'event_id', type: 'varbinary', length: 512, nullable: true, transformer: utf8 })
  eventId!: string | null;

  @Column({ type: 'varbinary', length: 512, transformer: utf8 })
  event!: string;

  /** What is counted: the client's time, moved back where its clock ran fast. */
  @Column({ name: 'occurred_at', type: 'datetime', precision: 3 })
  occurredAt!: Date;

  @Column({ name: 'received_at', type: 'datetime', precision: 3 })
  receivedAt!: Date;

  /** The first 16 bytes of SHA-256(kind, value). */
  @Column({ name: 'user_key', type: 'binary', length: 16, transformer: hex })
  userKey!: string;

  @Column({ name: 'user_id', type: 'varbinary', length: 512, nullable: true, transformer: utf8 })
  userId!: string | null;

  @Column({ name: 'anonymous_id', type: 'varbinary', length: 512, nullable: true, transformer: utf8 })
  anonymousId!: string | null;

  @Column({ name: 'session_id', type: 'varbinary', length: 512, nullable: true, transformer: utf8 })
  sessionId!: string | null;

  @Column({ type: 'varchar', length: 2048, nullable: true })
  url!: string | null;

  @Column({ type: 'varchar', length: 2048, nullable: true })
  referrer!: string | null;

  @Column({ type: 'varchar', length: 8 })
  device!: Device;

  @Column({ type: 'varchar', length: 128, nullable: true })
  browser!: string | null;

  @Column({ type: 'varchar', length: 128, nullable: true })
  os!: string | null;

  /** Only where the payload named one. */
  @Column({ name: 'user_agent', type: 'varchar', length: 512, nullable: true })
  userAgent!: string | null;

  @Column({ type: 'varchar', length: 45, nullable: true })
  ip!: string | null;

  /** JSON text of an object, as text so that both engines keep it as it came. */
  @Column({ type: 'mediumtext', nullable: true })
  metadata!: string | null;

  @Column({ name: 'payload_hash', type: 'binary', length: 8, transformer: hex })
  payloadHash!: string;

  /** The transaction that inserted it: what the rollups of that transaction count. */
  @Column({ name: 'batch_id', type: 'binary', length: 16, transformer: hex })
  batchId!: string;
}
