import { Body, Controller, Delete, Get, Header, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { RecentSignInRoute } from '../access/recent-sign-in.js';
import { UserRoute } from '../access/user-route.decorator.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { ErasureDto } from '../erasures/erasures.dto.js';
import { AppDto, AppListDto, ChangeAppDto, RegisterAppDto, RegisteredAppDto } from './app.dto.js';
import { AppsService } from './apps.service.js';

@ApiTags('Apps')
@Controller('api')
@UserRoute()
export class AppsController {
  constructor(private readonly apps: AppsService) {}

  /** Register an app. The answer holds its first key, which can write. An account may have 1,000 apps. */
  @Post(['auth/register', 'apps'])
  @Header('cache-control', 'no-store')
  registerApp(@CurrentUser() user: UserCaller, @Body() app: RegisterAppDto): Promise<RegisteredAppDto> {
    return this.apps.register(user.userId, app);
  }

  /** List your apps. The oldest comes first. */
  @Get('apps')
  async listApps(@CurrentUser() user: UserCaller): Promise<AppListDto> {
    return { data: await this.apps.list(user.userId), nextCursor: null };
  }

  /** Get an app. Only apps of your own account are found. */
  @Get('apps/:id')
  getApp(@CurrentUser() user: UserCaller, @Param('id') id: string): Promise<AppDto> {
    return this.apps.get(user.userId, id);
  }

  /** Change an app. Fields that you leave out keep their value. */
  @Patch('apps/:id')
  updateApp(@CurrentUser() user: UserCaller, @Param('id') id: string, @Body() change: ChangeAppDto): Promise<AppDto> {
    return this.apps.change(user.userId, id, change);
  }

  /**
   * Delete an app. It needs a sign-in within the last 10 minutes. Its keys are refused at once. Its events, counts and dead
   * letters are erased in the background; GET /api/erasures/{erasureId} shows the progress.
   */
  @Delete('apps/:id')
  @HttpCode(202)
  @RecentSignInRoute()
  deleteApp(@CurrentUser() user: UserCaller, @Param('id') id: string): Promise<ErasureDto> {
    return this.apps.delete(user.userId, id);
  }
}
