import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OperationDto } from './operation.dto.js';
import { OperationService } from './operation.service.js';
import { OperatorRoute } from './operator.guard.js';

@ApiTags('Operation')
@Controller('api/operation')
@OperatorRoute()
export class OperationController {
  constructor(private readonly operation: OperationService) {}

  /** The installation's figures, for those whom OPERATORS names: backlog, rates, dead letters. Nothing of anybody's events. */
  @Get()
  @Header('cache-control', 'no-store')
  figures(): Promise<OperationDto> {
    return this.operation.figures();
  }
}
