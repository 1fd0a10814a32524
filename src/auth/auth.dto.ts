import { IsJWT, IsOptional } from 'class-validator';

export class UserDto {
  /** @example "0190f5a1-7c2b-7d3e-8f4a-1b2c3d4e5f60" */
  id!: string;

  /** @example "ann@example.test" */
  email!: string;

  /** As the provider says. */
  name!: string | null;

  /** `google`, or `local` for the stand-in. */
  provider!: string;

  /** Whether you see the installation's health. */
  operator!: boolean;
}

export class SessionTokensDto {
  /** The user token: send it as Authorization: Bearer. */
  accessToken!: string;

  /** For POST /api/auth/refresh, once: each renewal hands out the next one. */
  refreshToken!: string;

  /** Seconds until the access token expires. */
  expiresIn!: number;

  user!: UserDto;
}

export class AccessTokenDto {
  /** Send it as Authorization: Bearer. */
  accessToken!: string;

  /** Seconds until it expires. */
  expiresIn!: number;
}

export class RefreshDto {
  /** Left out: the refresh cookie is used, and new cookies are set. */
  @IsOptional()
  @IsJWT()
  refreshToken?: string;
}

/** A place where you are signed in. */
export class SessionDto {
  id!: string;

  /** When you signed in there. RFC 3339, UTC. */
  createdAt!: string;

  /** To the minute. */
  lastUsedAt!: string;

  /** When it ends unless it is renewed. */
  endsAt!: string;

  /**
   * Of the program that signed in; null: it did not tell.
   * @example "Chrome"
   */
  browser!: string | null;

  /** @example "Linux" */
  os!: string | null;

  /** Whether it is the one that asks. */
  current!: boolean;
}

export class SessionListDto {
  data!: SessionDto[];

  /** Null: there are no more. */
  nextCursor!: string | null;
}
