import { IsIn, IsOptional } from 'class-validator';
import { FilteredQuery } from './filters.dto.js';
import { EmptyIsAbsent } from './range.dto.js';

/** Format → media type. */
export const EXPORT_TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;
export type ExportFormat = keyof typeof EXPORT_TYPES;

export class ExportQuery extends FilteredQuery {
  /** Left out: csv. */
  @EmptyIsAbsent()
  @IsOptional()
  @IsIn(Object.keys(EXPORT_TYPES))
  format?: ExportFormat;
}
