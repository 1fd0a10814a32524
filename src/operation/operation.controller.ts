import { Controller, Get, Header } from '@nestjs/common';
import { ApiForbiddenResponse, ApiTags } from '@nestjs/swagger';
import { UserRoute } from '../auth/user-route.decorator.js';
import { UserService } from '../auth/user.service.js';
import { ForbiddenError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { OperationDto } from './operation.dto.js';
import { OperationService } from './operation.service.js';

@ApiTags('Operation')
@Controller('api/operation')
@UserRoute()
export class OperationController {
  constructor(
    private readonly operation: OperationService,
    private readonly users: UserService,
  ) {}

  /** The installation's figures, for those whom OPERATORS names: backlog, rates, dead letters. Nothing of anybody's events. */
  @Get()
  @Header('cache-control', 'no-store')
  @ApiForbiddenResponse({ description: 'OPERATORS does not name you.' })
  async figures(@CurrentUser() { userId }: UserCaller): Promise<OperationDto> {
    if (!this.users.isOperator(await this.users.get(userId))) {
      throw new ForbiddenError(
        'not_operator',
        'Only operators see the installation: whoever runs it can name you in OPERATORS.',
      );
    }
    return this.operation.figures();
  }
}
