import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

/** The colours of all pages, and the style of the few that the server writes itself. */
@ApiExcludeController()
@Controller()
export class PagesController {
  private readonly palette = readStyle('palette.css');
  private readonly pages = readStyle('pages.css');

  @Get('palette.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'public, max-age=300')
  colours(): string {
    return this.palette;
  }

  @Get('pages.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'public, max-age=300')
  style(): string {
    return this.pages;
  }
}

function readStyle(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}
