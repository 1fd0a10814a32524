import { Global, Module } from '@nestjs/common';
import { AppsController } from './apps.controller.js';
import { AppsService } from './apps.service.js';
import { OwnedApps } from './owned-apps.service.js';

/** Registering web sites and mobile apps, and whose they are. */
@Global()
@Module({ controllers: [AppsController], providers: [AppsService, OwnedApps], exports: [AppsService, OwnedApps] })
export class AppsModule {}
