import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

/** Seconds for which browsers may use it without asking: a change reaches every page within the hour. */
const MAX_AGE_S = 3600;

/** The script by which a web site counts its page views; built from tracker/. */
@ApiExcludeController()
@Controller()
export class TrackerController {
  private readonly script = readFileSync(join(import.meta.dirname, '..', '..', 'tracker', 't.js'));
  private readonly etag = `"${createHash('sha256').update(this.script).digest('base64url').slice(0, 16)}"`;

  @Get('t.js')
  serve(@Headers('if-none-match') known: string | undefined, @Res() reply: FastifyReply): void {
    void reply
      .header('cache-control', `public, max-age=${MAX_AGE_S}`)
      .header('etag', this.etag)
      // helmet says same-origin; this one is meant for the pages of others.
      .header('cross-origin-resource-policy', 'cross-origin');
    if (known === this.etag) void reply.code(304).send();
    else void reply.type('text/javascript; charset=utf-8').send(this.script);
  }
}
