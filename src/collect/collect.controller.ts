import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CurrentKey, type KeyCaller } from '../common/caller.js';
import { CollectRoute } from './collect-route.decorator.js';
import { AcceptedDto, BatchAcceptedDto, BatchDto } from './collect.dto.js';
import { CollectService, type Sender } from './collect.service.js';
import { EventDto } from './event.dto.js';

@ApiTags('Collect')
@Controller('api/analytics/collect')
export class CollectController {
  constructor(private readonly collectService: CollectService) {}

  /** Post an event. The 202 says that it is on disk. It is counted within about a second. */
  @Post()
  @HttpCode(202)
  @CollectRoute()
  collectEvent(
    @Body() event: EventDto,
    @CurrentKey() key: KeyCaller,
    @Req() request: FastifyRequest,
  ): Promise<AcceptedDto> {
    return this.collectService.collect(event, senderOf(request, key));
  }

  /** Post a batch of events. A batch holds up to 1,000. The answer names the events that were refused; the others are accepted. */
  @Post('batch')
  @HttpCode(202)
  @CollectRoute()
  collectBatch(
    @Body() batch: BatchDto,
    @CurrentKey() key: KeyCaller,
    @Req() request: FastifyRequest,
  ): Promise<BatchAcceptedDto> {
    return this.collectService.collectBatch(batch, senderOf(request, key));
  }
}

function senderOf(request: FastifyRequest, key: KeyCaller): Sender {
  return { key, address: request.visitorAddress, userAgent: request.headers['user-agent'], requestId: request.id };
}
