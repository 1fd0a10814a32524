import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { AccessModule } from '../access/access.module.js';
import { AppsModule } from '../apps/apps.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { LOGGER } from '../common/logger.module.js';
import type { Logger } from '../common/logger.js';
import { Env } from '../config/env.js';
import { RegistryModule } from '../registry/registry.module.js';
import { AuthController } from './auth.controller.js';
import { BarredAccountsCheck } from './barred-accounts.check.js';
import { GoogleStrategy } from './google.strategy.js';
import { LOCAL_PROVIDER } from './local-sign-in/local-provider-urls.js';
import { LocalSignInController } from './local-sign-in/local-sign-in.controller.js';
import { PagesController } from './pages.controller.js';
import { SessionService } from './session.service.js';
import { SessionsController } from './sessions.controller.js';
import { SignInFlowStore } from './sign-in-flow.store.js';
import { UserService } from './user.service.js';

/** Sign-in with Google, and the accounts and sessions that come of it. */
@Module({
  imports: [AccessModule, AppsModule, AuditLogModule, RegistryModule, PassportModule.register({ session: false })],
  controllers: [AuthController, SessionsController, LocalSignInController, PagesController],
  providers: [
    GoogleStrategy,
    SignInFlowStore,
    SessionService,
    UserService,
    BarredAccountsCheck,
    {
      provide: LOCAL_PROVIDER,
      inject: [Env],
      // Loaded only where it is used: it is for a developer's machine, and says so on stderr.
      useFactory: async (env: Env) => {
        if (!env.localSignIn) return undefined;
        const { LocalProvider } = await import('./local-sign-in/local-provider.js');
        return new LocalProvider(env);
      },
    },
  ],
  exports: [AccessModule, SessionService, UserService],
})
export class AuthModule implements OnApplicationBootstrap {
  constructor(
    private readonly env: Env,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.logger.info({ notice: true }, `Google redirect URI: ${this.env.publicUrl}/api/auth/google/callback`);
    if (this.env.localSignIn) {
      this.logger.warn(
        { notice: true },
        'Local sign-in is on: anyone who reaches this port can sign in as anyone (LOCAL_SIGN_IN=false switches it off)',
      );
    }
  }
}
