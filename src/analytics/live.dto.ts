import { IsOptional, IsString } from 'class-validator';
import { EmptyIsAbsent } from './range.dto.js';

export class LiveQuery {
  /** One of your apps. Left out: all of them (with an API key: its own). */
  @EmptyIsAbsent()
  @IsOptional()
  @IsString()
  appId?: string;
}
