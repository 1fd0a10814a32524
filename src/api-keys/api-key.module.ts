import { Global, Module } from '@nestjs/common';
import { ApiKeyController } from './api-key.controller.js';
import { ApiKeyService } from './api-key.service.js';
import { ExpiringKeys } from './expiring-keys.js';
import { KeyAuthenticator } from './key-authenticator.js';
import { KeyGuard } from './key.guard.js';
import { KeyUse } from './key-use.service.js';
import { ReaderGuard } from './reader.guard.js';
import { SecretCheck } from './secret-check.js';

/** API keys (analytics tokens) and the guards that know them. */
@Global()
@Module({
  controllers: [ApiKeyController],
  providers: [ApiKeyService, KeyAuthenticator, KeyUse, KeyGuard, ReaderGuard, SecretCheck, ExpiringKeys],
  exports: [ApiKeyService, KeyAuthenticator, KeyGuard, ReaderGuard],
})
export class ApiKeyModule {}
