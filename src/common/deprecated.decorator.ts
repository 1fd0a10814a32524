import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';

/** When a field was deprecated. */
export interface DeprecatedSince {
  /** The release that deprecates it, as in 0.3.0. It may be removed two minor releases later. */
  release: string;
  /** The day, UTC, as in 2026-12-01: the routes whose answers have the field state it in the `Deprecation` header. */
  day: string;
}

/**
 * Marks a field of a DTO as deprecated: in the OpenAPI document, and by the `Deprecation` header (RFC 9745) of each route
 * whose answer has it. Name the field that replaces it in the field's comment.
 * @param options of the field beside, as for `@ApiProperty`
 */
export function Deprecated({ release, day }: DeprecatedSince, options: ApiPropertyOptions = {}): PropertyDecorator {
  const marks = { deprecated: true, 'x-deprecated-since': release, 'x-deprecated-at': day };
  return ApiProperty({ ...options, ...marks } as ApiPropertyOptions);
}
