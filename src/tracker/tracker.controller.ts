import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StaticText } from '../common/static-text.js';

/** Seconds for which browsers may use it without asking: a change reaches every page within the hour. */
const MAX_AGE_S = 3600;

/** The script by which a web site counts its page views; built from tracker/. */
@ApiExcludeController()
@Controller()
export class TrackerController {
  private readonly script = new StaticText(readFileSync(join(import.meta.dirname, '..', '..', 'tracker', 't.js')));

  @Get('t.js')
  serve(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    void reply
      .header('cache-control', `public, max-age=${MAX_AGE_S}`)
      // helmet says same-origin; this one is meant for the pages of others.
      .header('cross-origin-resource-policy', 'cross-origin');
    return this.script.send(request, reply, 'text/javascript; charset=utf-8');
  }
}
