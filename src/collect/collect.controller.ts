import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CollectRoute } from './collect-route.decorator.js';
import { AcceptedDto, BatchAcceptedDto, BatchDto } from './collect.dto.js';
import { CollectService } from './collect.service.js';
import { EventDto } from './event.dto.js';
import { Events, IngestEvents } from './parse.pipe.js';
import { EVENT_BATCH, ONE_EVENT } from './tallystone.format.js';

@ApiTags('Collect')
@Controller('api/analytics/collect')
export class CollectController {
  constructor(private readonly collectService: CollectService) {}

  /** Post an event. The 202 says that it is on disk. It is counted within about a second. */
  @Post()
  @HttpCode(202)
  @CollectRoute(ONE_EVENT, EventDto)
  collectEvent(@Events() events: IngestEvents): Promise<AcceptedDto> {
    return this.collectService.collect(events);
  }

  /** Post a batch of events. A batch holds up to 1,000. The answer names the events that were refused; the others are accepted. */
  @Post('batch')
  @HttpCode(202)
  @CollectRoute(EVENT_BATCH, BatchDto)
  collectBatch(@Events() events: IngestEvents): Promise<BatchAcceptedDto> {
    return this.collectService.collect(events);
  }
}
