import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StaticText } from '../common/static-text.js';

/** Seconds for which browsers may use it without asking: a change reaches every page within the hour. */
const MAX_AGE_S = 3600;

/** The script by which a web site counts its page views; built from tracker/. */
@ApiExcludeController()
@Controller()
export class TrackerController {
  private readonly script = builtFile('t.js');
  private readonly extra = builtFile('extra.js');

  /**
   * @param extra given (`/t.js?extra`): the second file, which the script loads when it needs it. It has the same path as
   *    the script, so a proxy that forwards one forwards both.
   */
  @Get('t.js')
  serve(@Query('extra') extra: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    void reply
      .header('cache-control', `public, max-age=${MAX_AGE_S}`)
      // Pages of every origin load it, those with `crossorigin`, `integrity` or `type="module"` by CORS.
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin');
    const file = extra === undefined ? this.script : this.extra;
    return file.send(request, reply, 'text/javascript; charset=utf-8');
  }
}

function builtFile(name: string): StaticText {
  return new StaticText(readFileSync(join(import.meta.dirname, '..', '..', 'tracker', name)));
}
