import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { UserRoute } from '../access/user-route.decorator.js';
import { NotFoundError } from '../common/app-error.js';
import { CurrentUser, type UserCaller } from '../common/caller.js';
import { Erasure } from '../database/entities/index.js';
import { parseUuid } from '../events/event-id.js';
import { ErasureDto, erasureDto } from './erasures.dto.js';

@ApiTags('Privacy')
@Controller('api/erasures')
@UserRoute()
export class ErasuresController {
  constructor(@InjectRepository(Erasure) private readonly erasures: Repository<Erasure>) {}

  /** Get the progress of an erasure. It is the erasure of a person or of a deleted app. */
  @Get(':id')
  async getErasure(@CurrentUser() user: UserCaller, @Param('id') id: string): Promise<ErasureDto> {
    const uuid = parseUuid(id);
    const erasure = uuid ? await this.erasures.findOneBy({ id: uuid, ownerId: user.userId }) : null;
    if (!erasure) throw new NotFoundError('You have ordered no erasure with this id.');
    return erasureDto(erasure);
  }
}
