import { Controller, Get, Inject, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { IsEmail, IsOptional, IsString, MaxLength } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ForbiddenError, InvalidInputError, NotFoundError } from '../../common/app-error.js';
import { isFromAnotherSite } from '../../common/cross-site.js';
import type { LocalProvider } from './local-provider.js';
import { LOCAL_PROVIDER } from './local-provider-urls.js';
import { LocalSignInGuard } from './local-sign-in.guard.js';
import { localSignInPage } from './local-sign-in.page.js';

class PersonQuery {
  @IsEmail()
  @MaxLength(320)
  email!: string;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  name?: string;
}

/**
 * The stand-in's own page. A `login_hint` signs that person in without it, so that curl and tests can. Where another web
 * site sent the browser, the page asks for a click: else that site could sign its visitor in as anyone.
 */
@ApiExcludeController()
@Controller('local-sign-in/interaction')
@UseGuards(LocalSignInGuard)
export class LocalSignInController {
  constructor(@Inject(LOCAL_PROVIDER) private readonly provider: LocalProvider | undefined) {}

  @Get(':uid')
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const interaction = await this.interaction(request, reply);
    const { uid, loginHint } = interaction;
    if (loginHint === undefined) return show(reply, localSignInPage(uid));
    if (!/^[^\s@]+@[^\s@]+$/.test(loginHint) || loginHint.length > 320) {
      throw new InvalidInputError([{ field: 'login_hint', message: 'must be an e-mail address' }]);
    }
    const person = { email: loginHint, name: nameFrom(loginHint) };
    // A browser says so of the whole chain of redirects that leads here.
    if (isFromAnotherSite(request)) return show(reply, localSignInPage(uid, person));
    await this.finishAs(request, reply, person);
  }

  @Get(':uid/finish')
  async finish(
    @Query() { email, name }: PersonQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (isFromAnotherSite(request)) {
      const detail = 'Another web site sent this sign-in form. Begin at GET /api/auth/google.';
      throw new ForbiddenError('cross_site_request', detail);
    }
    await this.interaction(request, reply);
    await this.finishAs(request, reply, { email, name: name || nameFrom(email) });
  }

  private async finishAs(request: FastifyRequest, reply: FastifyReply, person: { email: string; name: string }) {
    await reply.redirect(await this.provider!.finish(request.raw, reply.raw, person), 303);
  }

  private async interaction(request: FastifyRequest, reply: FastifyReply) {
    const interaction = await this.provider?.interaction(request.raw, reply.raw);
    if (!interaction) throw new NotFoundError('This sign-in is over or was begun in another browser. Begin again.');
    return interaction;
  }
}

async function show(reply: FastifyReply, html: string): Promise<void> {
  await reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(html);
}

/** ann.lee@example.test → Ann Lee */
function nameFrom(email: string): string {
  const words = email
    .split('@')[0]!
    .split(/[._+-]+/)
    .filter(Boolean);
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(' ') || email;
}
