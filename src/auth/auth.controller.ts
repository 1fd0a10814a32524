import { Body, Controller, Delete, Get, Header, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiFoundResponse, ApiOkResponse, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UnauthorizedError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import type { User } from '../database/entities/index.js';
import { formatUuid } from '../events/event-id.js';
import { AccessTokenDto, RefreshDto, SessionTokensDto, UserDto } from './auth.dto.js';
import type { ProviderProfile } from './google.strategy.js';
import { LocalSignInGuard } from './local-sign-in/local-sign-in.guard.js';
import { RecentSignInRoute } from '../access/recent-sign-in.js';
import { sessionClient } from './session-client.js';
import { SessionCookies } from '../access/session-cookies.js';
import { ACCESS_TOKEN_S, REFRESH_TOKEN_S, SessionService, type SessionTokens } from './session.service.js';
import { GoogleGuard, PublicHostGuard, SignInRateGuard } from './sign-in.guards.js';
import { CookieRoute, UserRoute } from '../access/user-route.decorator.js';
import { UserService } from './user.service.js';

@ApiTags('Sign-in')
@Controller('api/auth')
export class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UserService,
    private readonly cookies: SessionCookies,
  ) {}

  /**
   * Sign in with Google. Open it in the browser, or follow it with `curl -L` and a cookie jar. It comes back to `next`, or answers
   * the tokens as JSON if the request says `Accept: application/json`.
   */
  @Get('google')
  @ApiQuery({ name: 'next', required: false, description: 'A path of this site to go on to.', example: '/api-docs' })
  @ApiQuery({
    name: 'again',
    required: false,
    description: 'Any value: the provider is to ask anew who it is, after recent_sign_in_required.',
  })
  @ApiQuery({ name: 'login_hint', required: false, description: 'E-mail; the local stand-in signs it in at once.' })
  @ApiFoundResponse({ description: 'To the sign-in provider' })
  @ApiOkResponse({
    description:
      'A page that asks for a click, if another web site led here and the local stand-in would sign in at once',
    content: { 'text/html': { schema: { type: 'string' } } },
  })
  @UseGuards(LocalSignInGuard, SignInRateGuard, PublicHostGuard, GoogleGuard)
  beginSignIn(): void {
    // The guard has redirected.
  }

  /** Finish a sign-in. The sign-in provider sends the browser back here. */
  @Get('google/callback')
  @ApiFoundResponse({ description: 'Signed in; on to `next`' })
  @ApiOkResponse({
    description: 'The tokens, if the sign-in began with Accept: application/json',
    type: SessionTokensDto,
  })
  @UseGuards(LocalSignInGuard, SignInRateGuard, GoogleGuard)
  async finishSignIn(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const profile = (request as FastifyRequest & { user: ProviderProfile }).user;
    const tokens = await this.users.signIn(profile, sessionClient(request.headers['user-agent']));
    const replaced = request.cookies[this.cookies.refresh];
    if (replaced) await this.sessions.endReplaced(replaced, tokens.user.id);
    const { next, wantsJson } = request.signInFlow!;
    void reply.header('cache-control', 'no-store');
    this.setCookies(reply, tokens);
    if (wantsJson) await reply.send(this.tokensDto(tokens));
    else await reply.redirect(next, 303);
  }

  /** Renew a sign-in. The old refresh token stays good for 10 seconds. If it is used later, the whole sign-in ends. */
  @Post('refresh')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async refreshTokens(
    @Body() { refreshToken }: RefreshDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionTokensDto> {
    const tokens = await this.sessions.renew(refreshToken ?? this.refreshCookie(request));
    if (!refreshToken) this.setCookies(reply, tokens);
    return this.tokensDto(tokens);
  }

  /**
   * Sign out. Access token and refresh token are refused from now on. Send the refresh token in the body, the access token as
   * bearer, or one of the cookies.
   */
  @Post('logout')
  @HttpCode(204)
  async signOut(
    @Body() { refreshToken }: RefreshDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.endSession(request, refreshToken);
    this.cookies.clear(reply, this.cookies.session, this.cookies.refresh);
  }

  /** Get a bearer token. Takes the session cookie only, so that no bearer token can renew itself. Use it outside the browser. */
  @Post('token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @CookieRoute()
  createBearerToken(@CurrentUser() { sessionId, userId }: UserCaller): AccessTokenDto {
    return { accessToken: this.sessions.accessToken(sessionId, userId), expiresIn: ACCESS_TOKEN_S };
  }

  /** Get your account. Answers who is signed in. */
  @Get('me')
  @UserRoute()
  async getAccount(@CurrentUser() { userId }: UserCaller): Promise<UserDto> {
    return this.userDto(await this.users.get(userId));
  }

  /** Delete your account. It needs a sign-in within the last 10 minutes. Sessions, apps and keys end at once. */
  @Delete('me')
  @HttpCode(204)
  @RecentSignInRoute()
  @UserRoute()
  async deleteAccount(
    @CurrentUser() { userId }: UserCaller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.users.delete(userId);
    this.cookies.clear(reply, this.cookies.session, this.cookies.refresh);
  }

  /** By whatever the caller still holds: a refresh token, a bearer, or a cookie. */
  private async endSession(request: FastifyRequest, refreshToken: string | undefined): Promise<void> {
    if (refreshToken) return this.sessions.endByRefreshToken(refreshToken);
    const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer) return this.sessions.endByAccessToken(bearer);
    const { [this.cookies.session]: session, [this.cookies.refresh]: refresh } = request.cookies;
    if (session && !refresh) {
      this.cookies.assertOwnOrigin(request);
      return this.sessions.endByAccessToken(session);
    }
    return this.sessions.endByRefreshToken(this.refreshCookie(request));
  }

  /** @throws UnauthorizedError without one, ForbiddenError where a foreign page sends it */
  private refreshCookie(request: FastifyRequest): string {
    const cookie = request.cookies[this.cookies.refresh];
    if (!cookie) throw new UnauthorizedError('key_missing', 'Send refreshToken, or the cookies of a sign-in.');
    this.cookies.assertOwnOrigin(request);
    return cookie;
  }

  private setCookies(reply: FastifyReply, tokens: SessionTokens): void {
    this.cookies.set(reply, this.cookies.session, tokens.cookieToken, tokens.expiresIn);
    this.cookies.set(reply, this.cookies.refresh, tokens.refreshToken, REFRESH_TOKEN_S);
  }

  private tokensDto({ accessToken, refreshToken, expiresIn, user }: SessionTokens): SessionTokensDto {
    return { accessToken, refreshToken, expiresIn, user: this.userDto(user) };
  }

  private userDto(user: User): UserDto {
    const { id, email, name, provider } = user;
    return { id: formatUuid(id), email, name, provider, operator: this.users.isOperator(user) };
  }
}
