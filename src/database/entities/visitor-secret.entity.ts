import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The secret behind the cookieless visitor ids of one UTC day. Made ahead, deleted after 48 h. */
@Entity('visitor_secrets')
export class VisitorSecret {
  /** YYYY-MM-DD. */
  @PrimaryColumn({ type: 'varchar', length: 10 })
  day!: string;

  @Column({ type: 'binary', length: 32 })
  secret!: Buffer;
}
