import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StaticText } from '../common/static-text.js';
import { Env } from '../config/env.js';
import { DEFAULT_COLLECT_PATH } from '../config/public-paths.js';

/** Seconds for which browsers may use it without asking: a change reaches every page within the hour. */
const MAX_AGE_S = 3600;

/** The script by which a web site counts its page views; built from tracker/. */
@ApiExcludeController()
@Controller()
export class TrackerController {
  private readonly script: StaticText;
  private readonly extra = new StaticText(builtFile('extra.js'));

  constructor({ collectPath }: Env) {
    this.script = new StaticText(builtFile('t.js').replace(DEFAULT_COLLECT_PATH, collectPath));
  }

  /**
   * @param extra given (`/t.js?extra`): the second file, which the script loads when it needs it. It has the same path as
   *    the script, so a proxy that forwards one forwards both.
   */
  @Get('t.js')
  serve(@Query('extra') extra: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { origin } = request.headers;
    void reply
      .header('cache-control', `public, max-age=${MAX_AGE_S}`)
      // Pages of every origin load it, those with `crossorigin`, `integrity` or `type="module"` by CORS.
      .header('access-control-allow-origin', origin ?? '*')
      .header('cross-origin-resource-policy', 'cross-origin');
    // With crossorigin="use-credentials", browsers want the origin itself. The file is the same for everybody.
    if (origin) void reply.header('access-control-allow-credentials', 'true').header('vary', 'Origin');
    const file = extra === undefined ? this.script : this.extra;
    return file.send(request, reply, 'text/javascript; charset=utf-8');
  }
}

function builtFile(name: string): string {
  return readFileSync(join(import.meta.dirname, '..', '..', 'tracker', name), 'utf8');
}
