import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The secret behind the cookieless visitor ids of one calendar day. Made ahead, deleted when the day is over everywhere. */
@Entity('visitor_secrets')
export class VisitorSecret {
  /** YYYY-MM-DD. */
  @PrimaryColumn({ type: 'varchar', length: 10 })
  day!: string;

  @Column({ type: 'binary', length: 32 })
  secret!: Buffer;
}
