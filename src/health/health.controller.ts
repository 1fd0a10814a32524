import { Controller, Get, Header, HttpStatus, Inject, Query, Res } from '@nestjs/common';
import { ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { HealthDto, ReadyDto } from './health.dto.js';
import { HEALTH_MODE, type HealthMode } from './health-mode.js';
import { HealthService } from './health.service.js';

@ApiTags('Operation')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthService,
    @Inject(HEALTH_MODE) private readonly mode: HealthMode,
  ) {}

  /** Check that the process is alive. It answers 200 whichever service is away, for whatever restarts the process. */
  @Get('health')
  @Header('cache-control', 'no-store')
  getHealth(): HealthDto {
    return { status: 'ok' };
  }

  /**
   * Check that the process can accept events. Load balancers ask this. With `?strict` it also checks that accepted events are
   * being counted, which is what monitoring should ask.
   */
  @Get('ready')
  @Header('cache-control', 'no-store')
  @ApiQuery({ name: 'strict', required: false, description: 'Answer 503 also while degraded.' })
  @ApiResponse({ status: 503, type: ReadyDto, description: 'Not ready; `checks` says why.' })
  async getReadiness(
    @Query('strict') strict: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReadyDto> {
    const report = await this.health.check();
    const wanted = this.mode === 'strict' || isAsked(strict) ? ['ok'] : ['ok', 'degraded'];
    if (!wanted.includes(report.status)) reply.code(HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }
}

/** `?strict`, `?strict=1`, `?strict=true`; not `?strict=0` or `?strict=false`. */
function isAsked(strict: string | undefined): boolean {
  return strict !== undefined && !/^(0|false|no)$/i.test(strict);
}
