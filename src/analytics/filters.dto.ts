import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  IsArray,
  IsIn,
  IsOptional,
  Validate,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { type Device, DEVICES } from '../events/event.js';
import { EVENT_NAME_MAX, URL_MAX } from '../events/limits.js';
import { isMetadataKey } from './dimensions.js';
import type { AskedFilters } from './read-model/filters.js';
import { RangeQuery, RepeatedIsList, RepeatedText } from './range.dto.js';

/** Values that one filter may name. */
const VALUES_MAX = 20;
/** As browsers and systems are stored. */
const CLIENT_NAME_MAX = 128;
const HOST_MAX = 255;
const UTM_MAX = 500;
const METADATA_FILTER_MAX = 1000;

@ValidatorConstraint({ name: 'metadataFilter' })
class MetadataFilter implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === 'string' && metadataFilter(value) !== undefined;
  }

  defaultMessage(): string {
    return 'must be key:value, as in plan:premium; a colon in the key is written \\:';
  }
}

/** Which events a question is about. Filters combine: an event must pass all; of one filter's values it needs one. */
export class FilteredQuery extends RangeQuery {
  /**
   * Names of events, repeated for several. Left out: all.
   * @example ["login_form_cta_click"]
   */
  @RepeatedText(VALUES_MAX, EVENT_NAME_MAX)
  event?: string[];

  /** Addresses as they were sent, repeated for several. */
  @RepeatedText(VALUES_MAX, URL_MAX)
  url?: string[];

  /** Hosts of referrers, as `breakdown` lists them, repeated for several. */
  @RepeatedText(VALUES_MAX, HOST_MAX)
  referrerHost?: string[];

  /** Device classes, repeated for several. */
  @RepeatedIsList()
  @IsOptional()
  @IsArray()
  @IsIn(DEVICES, { each: true })
  device?: Device[];

  /** Names of browsers, repeated for several. */
  @RepeatedText(VALUES_MAX, CLIENT_NAME_MAX)
  browser?: string[];

  /** Names of operating systems, repeated for several. */
  @RepeatedText(VALUES_MAX, CLIENT_NAME_MAX)
  os?: string[];

  /** `utm_source` of the address, decoded, repeated for several. */
  @RepeatedText(VALUES_MAX, UTM_MAX)
  utmSource?: string[];

  /** `utm_medium` of the address, repeated for several. */
  @RepeatedText(VALUES_MAX, UTM_MAX)
  utmMedium?: string[];

  /** `utm_campaign` of the address, repeated for several. */
  @RepeatedText(VALUES_MAX, UTM_MAX)
  utmCampaign?: string[];

  /** `utm_term` of the address, repeated for several. */
  @RepeatedText(VALUES_MAX, UTM_MAX)
  utmTerm?: string[];

  /** `utm_content` of the address, repeated for several. */
  @RepeatedText(VALUES_MAX, UTM_MAX)
  utmContent?: string[];

  /**
   * A key of metadata and its value, repeated for several. What is no text is meant as JSON writes it: `count:3`, `on:true`.
   * A colon in the key is written `\:`, as in `og\:type:article`; one in the value stays as it is.
   * @example ["plan:premium"]
   */
  @RepeatedText(VALUES_MAX, METADATA_FILTER_MAX)
  @Validate(MetadataFilter, { each: true })
  @ApiPropertyOptional({ type: [String], maxItems: VALUES_MAX, uniqueItems: true })
  metadata?: string[];
}

/** The filters of a query, without its range. */
export function filtersOf(query: FilteredQuery): AskedFilters {
  const { event, url, referrerHost, device, browser, os } = query;
  const { utmSource, utmMedium, utmCampaign, utmTerm, utmContent, metadata } = query;
  return {
    ...{ event, url, referrerHost, device, browser, os, utmSource, utmMedium, utmCampaign, utmTerm, utmContent },
    metadata: metadata?.map((text) => metadataFilter(text)!),
  };
}

/** Whether any event might be left out by them. */
export function isFiltered(filters: AskedFilters): boolean {
  return Object.values(filters).some((values) => values !== undefined && values.length > 0);
}

/** At the first colon that no backslash stands before. No key that can be filtered by holds a backslash itself. */
function metadataFilter(text: string): { key: string; value: string } | undefined {
  const [, written, value] = /^((?:[^:\\]|\\:)+):(.*)$/s.exec(text) ?? [];
  const key = written?.replaceAll('\\:', ':');
  return key !== undefined && isMetadataKey(key) ? { key, value: value! } : undefined;
}
