import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

/** The style of the few pages that the server writes itself. */
@ApiExcludeController()
@Controller()
export class PagesController {
  private readonly css = readFileSync(join(import.meta.dirname, 'pages.css'), 'utf8');

  @Get('pages.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'public, max-age=300')
  style(): string {
    return this.css;
  }
}
