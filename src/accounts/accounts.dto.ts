import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { PageQuery } from '../common/page-query.dto.js';
import type { AccountBar } from '../registry/account-bar.js';

export const ACCOUNT_BARS: readonly AccountBar[] = ['locked', 'local_off', 'not_allowed'];

export class AccountsQuery extends PageQuery {
  /** Part of an e-mail or a name, or an account's id. */
  @IsOptional()
  @IsString()
  @MaxLength(320)
  search?: string;
}

/** An account of the installation. */
export class AccountDto {
  id!: string;

  /** As of the last sign-in. */
  email!: string;

  name!: string | null;

  /** `google`, or `local` for the stand-in. */
  provider!: string;

  /** The Google Workspace domain (`hd`) of the last sign-in; null: none. */
  domain!: string | null;

  /** RFC 3339, UTC. */
  createdAt!: string;
  lastSignInAt!: string;

  /** Null: not locked. */
  lockedAt!: string | null;

  /**
   * Why it may not sign in: it is locked, SIGN_IN_ALLOW leaves it out, or it was made at the stand-in, which is off. Null:
   * it may.
   */
  @ApiProperty({ enum: ACCOUNT_BARS, nullable: true })
  bar!: AccountBar | null;

  /** Apps that are not deleted. */
  apps!: number;
}

export class AccountListDto {
  data!: AccountDto[];

  /** Null: there are no more. */
  nextCursor!: string | null;
}

export class RevokedKeysDto {
  /** Keys that were good until now. */
  revoked!: number;
}
