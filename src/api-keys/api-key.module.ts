import { Global, Module } from '@nestjs/common';
import { UnknownSenders } from '../bodies/unknown-senders.js';
import { ApiKeyController } from './api-key.controller.js';
import { ApiKeyService } from './api-key.service.js';
import { ExpiringKeys } from './expiring-keys.js';
import { KeyAuthenticator } from './key-authenticator.js';
import { KeyGuard } from './key.guard.js';
import { KeyUse } from './key-use.service.js';
import { ReaderGuard } from './reader.guard.js';
import { RefusedKeys } from './refused-keys.js';
import { SecretCheck } from './secret-check.js';
import { SignedInBodies } from './signed-in-bodies.js';

/** API keys (analytics tokens) and the guards that know them. */
@Global()
@Module({
  controllers: [ApiKeyController],
  providers: [
    ApiKeyService,
    KeyAuthenticator,
    KeyUse,
    RefusedKeys,
    KeyGuard,
    ReaderGuard,
    SignedInBodies,
    UnknownSenders,
    SecretCheck,
    ExpiringKeys,
  ],
  exports: [ApiKeyService, KeyAuthenticator, KeyGuard, ReaderGuard],
})
export class ApiKeyModule {}
