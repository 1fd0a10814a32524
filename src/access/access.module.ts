import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { AccountLimitsModule } from '../account-limits/account-limits.module.js';
import { UnknownSenders } from '../bodies/unknown-senders.js';
import { Env } from '../config/env.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AnonymousRequests } from './anonymous-requests.js';
import { KeyAuthenticator } from './key-authenticator.js';
import { KeyUse } from './key-use.service.js';
import { OwnedApps } from './owned-apps.service.js';
import { ReaderGuard } from './reader.guard.js';
import { RecentSignIn } from './recent-sign-in.js';
import { RefusedKeys } from './refused-keys.js';
import { SessionCheck } from './session-check.js';
import { SessionCookies } from './session-cookies.js';
import { SignedInBodies } from './signed-in-bodies.js';
import { UserGuard } from './user.guard.js';

/**
 * Who is asking, and what is theirs: checks of tokens, sessions and ownership, and the guards and route decorators made of
 * them. A module with routes for people or keys imports it, since Nest makes a guard within the module of its route.
 */
@Module({
  imports: [JwtModule.register({}), RegistryModule, AccountLimitsModule],
  providers: [
    SessionCheck,
    { provide: SessionCookies, inject: [Env], useFactory: (env: Env) => new SessionCookies(env) },
    RecentSignIn,
    UserGuard,
    KeyAuthenticator,
    KeyUse,
    RefusedKeys,
    ReaderGuard,
    OwnedApps,
    SignedInBodies,
    UnknownSenders,
    AnonymousRequests,
  ],
  exports: [
    SessionCheck,
    SessionCookies,
    RecentSignIn,
    UserGuard,
    KeyAuthenticator,
    ReaderGuard,
    OwnedApps,
    JwtModule,
    AccountLimitsModule,
  ],
})
export class AccessModule {}
