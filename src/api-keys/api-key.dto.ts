import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  MaxLength,
  Min,
  Validate,
} from 'class-validator';
import { PageQuery } from '../common/page-query.dto.js';
import { PlainText, Rfc3339, WebOrigin } from '../common/rules.js';
import { EXPIRY_NOTICES, type ExpiryNotice } from './expiry-notice.js';
import { SCOPES, type Scope } from '../database/entities/api-key.entity.js';

/** Characters, as the column counts them. */
const NAME_MAX = 200;
const OVERLAP_MAX_S = 30 * 24 * 60 * 60;

export class CreateKeyDto {
  /** One of your apps. */
  @IsUUID()
  appId!: string;

  /**
   * To tell your keys apart.
   * @example "web site"
   */
  @IsOptional()
  @Validate(PlainText, [NAME_MAX])
  @IsString()
  @Length(1, NAME_MAX)
  name?: string;

  /** `write` posts events, `read` reads numbers; write alone when left out. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(2)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes?: Scope[];

  /** RFC 3339, at most 100 years ahead. Left out: never for a write-only key, in 365 days for one that can read. */
  @IsOptional()
  @Validate(Rfc3339)
  expiresAt?: string | null;

  /**
   * Origins of the web pages that may use it; any, when left out.
   * @example ["https://shop.example.com"]
   */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @Validate(WebOrigin, { each: true })
  @MaxLength(190, { each: true })
  allowedOrigins?: string[];
}

export class KeyIdDto {
  @IsUUID()
  keyId!: string;
}

export class RegenerateKeyDto extends KeyIdDto {
  /** How long the old key stays good beside the new one; 0 when left out. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_MAX_S)
  overlapSeconds?: number;
}

/** One of the two. */
export class RevokeKeyDto {
  @IsOptional()
  @IsString()
  @MaxLength(8192)
  apiKey?: string;

  @IsOptional()
  @IsUUID()
  keyId?: string;
}

export class KeysQuery extends PageQuery {
  /** One of your apps. */
  @IsUUID()
  appId!: string;
}

export class IssuedKeyDto {
  /** The key. One that can read is shown only now. */
  apiKey!: string;

  keyId!: string;

  /** Null: it does not expire. */
  expiresAt!: string | null;
}

export class KeyDto {
  keyId!: string;
  appId!: string;
  name!: string;

  /** The last four characters of the key. */
  last4!: string;

  scopes!: Scope[];

  /** Empty: any. */
  allowedOrigins!: string[];

  issuedAt!: string;
  expiresAt!: string | null;

  /** Said 30 and 7 days before a good key expires; null: nothing to say. */
  @ApiProperty({ enum: EXPIRY_NOTICES, nullable: true })
  notice!: ExpiryNotice | null;

  /** To the minute. */
  lastUsedAt!: string | null;

  /** From when on it is refused; in the future while a rotation overlaps. */
  revokedAt!: string | null;
}

export class KeyListDto {
  /** Newest first. */
  keys!: KeyDto[];

  /** `cursor` of the next page; null: this is the last one. */
  nextCursor!: string | null;
}

export class SelfAppDto {
  id!: string;
  name!: string;
}

export class SelfDto {
  keyId!: string;
  name!: string;
  app!: SelfAppDto;
  scopes!: Scope[];
  expiresAt!: string | null;
  allowedOrigins!: string[];
}

export class RevokedDto {
  /** @example "The key is revoked." */
  message!: string;
}
