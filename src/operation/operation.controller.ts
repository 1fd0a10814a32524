import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OperationDto } from './operation.dto.js';
import { OperationService } from './operation.service.js';
import { OperatorRoute } from '../access/operator.guard.js';

@ApiTags('Operation')
@Controller('api/operation')
@OperatorRoute()
export class OperationController {
  constructor(private readonly operation: OperationService) {}

  /**
   * Get the state of the installation. Backlog, rates and dead letters, for the people whom OPERATORS names. It holds nothing of
   * anybody's events.
   */
  @Get()
  @Header('cache-control', 'no-store')
  getStatus(): Promise<OperationDto> {
    return this.operation.figures();
  }
}
