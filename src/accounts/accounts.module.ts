import { Module } from '@nestjs/common';
import { AccountStore } from './account-store.js';
import { AccountsController } from './accounts.controller.js';

/** The accounts of the installation, for operators: listing, locking, unlocking them, revoking their keys. */
@Module({ controllers: [AccountsController], providers: [AccountStore] })
export class AccountsModule {}
