import { isBlank } from '../../events/characters.js';
import { remembered } from './bounded-cache.js';
import { languageOf } from './language.js';
import { screenSizeOf } from './screen-size.js';

/** What is derived from an event's metadata. '' where it says nothing. */
export interface MetadataFields {
  title: string;
  language: string;
  screenSize: string;
  screenName: string;
  browserVersion: string;
  osVersion: string;
  deviceModel: string;
  appVersion: string;
  sdk: string;
}

const NO_FIELDS: MetadataFields = {
  title: '',
  language: '',
  screenSize: '',
  screenName: '',
  browserVersion: '',
  osVersion: '',
  deviceModel: '',
  appVersion: '',
  sdk: '',
};

/** Longest texts, in UTF-16 code units. What is longer is cut. */
const TITLE_MAX = 2048;
const TEXT_MAX = 255;

/**
 * Keys under which clients send each field; the first one with a value counts. `a.b` is the key b in the object a. docs/read-model.md
 * has the same table.
 */
export const METADATA_KEYS = {
  title: ['title', 'page_title', '$title', 'current_page_title', 'context.page.title'],
  language: ['language', 'locale', '$browser_language', 'context.locale'],
  screenSize: ['screenSize', 'screen_size', 'screen', 'screenResolution', 'screen_resolution', 'context.screen'],
  screenWidth: ['screenWidth', 'screen_width', '$screen_width'],
  screenHeight: ['screenHeight', 'screen_height', '$screen_height'],
  screenName: ['screenName', 'screen_name', '$screen_name', 'screen'],
  browserVersion: ['browserVersion', 'browser_version', '$browser_version'],
  osVersion: ['osVersion', 'os_version', '$os_version', 'context.os.version'],
  deviceModel: ['deviceModel', 'device_model', '$device_model', '$model', 'context.device.model'],
  appVersion: ['appVersion', 'app_version', '$app_version', '$app_version_string', 'context.app.version'],
  sdk: ['sdk', '$lib', 'mp_lib', 'context.library.name'],
} as const satisfies Record<string, readonly string[]>;

type Field = keyof typeof METADATA_KEYS;
type Values = Record<string, unknown>;

/** A place in metadata where a field may be. */
interface Place {
  field: Field;
  /** How many of the field's keys come before this one. */
  rank: number;
  /** The keys below the first. */
  below: readonly string[];
}

/** By the first key: an event's few keys are looked up here, instead of all these keys in the event. */
const PLACES = new Map<string, Place[]>();
for (const [field, keys] of Object.entries(METADATA_KEYS) as [Field, readonly string[]][]) {
  keys.forEach((key, rank) => {
    const [first = '', ...below] = key.split('.');
    PLACES.set(first, [...(PLACES.get(first) ?? []), { field, rank, below }]);
  });
}

const spelledLanguage = remembered(500, languageOf);
const spelledSize = remembered(2000, screenSizeOf);

/** How a value of each field becomes text. */
const READ: Partial<Record<Field, (value: unknown) => string>> = {
  title: (value) => textOf(value, TITLE_MAX),
  language: (value) => spelledLanguage(textOf(value)),
  // One client's `screen` is a size, another's a name.
  screenName: (value) => (screenSizeOf(value) ? '' : textOf(value)),
  screenSize: (value) => (typeof value === 'string' ? spelledSize(value) : screenSizeOf(value)),
};

/**
 * Reads an event's metadata.
 * @param json the text of a JSON object, as it is stored
 */
export function metadataFields(json: string | null): MetadataFields {
  const metadata = json ? parsed(json) : undefined;
  if (!metadata) return NO_FIELDS;
  const found: Partial<Record<Field, string>> = {};
  const ranks: Partial<Record<Field, number>> = {};
  for (const key of Object.keys(metadata)) {
    for (const { field, rank, below } of PLACES.get(key) ?? []) {
      if (rank > (ranks[field] ?? Infinity)) continue;
      const value = valueAt(metadata[key], below);
      const text = value === undefined ? '' : (READ[field] ?? textOf)(value);
      if (text === '') continue;
      found[field] = text;
      ranks[field] = rank;
    }
  }
  const { screenWidth: width, screenHeight: height, screenSize, screenName, ...texts } = found;
  return {
    ...NO_FIELDS,
    ...texts,
    screenSize: screenSize ?? (width && height ? screenSizeOf({ width, height }) : ''),
    screenName: screenName ?? '',
  };
}

function valueAt(value: unknown, below: readonly string[]): unknown {
  let place = value;
  for (const key of below) {
    if (!isObject(place) || !Object.hasOwn(place, key)) return undefined;
    place = place[key];
  }
  return place;
}

/** Text or a number as text; '' for anything else, and for what shows nothing. */
function textOf(given: unknown, max = TEXT_MAX): string {
  if (typeof given === 'number') return String(given);
  if (typeof given !== 'string') return '';
  const text = given.length > max ? given.slice(0, max) : given;
  return isBlank(text) ? '' : text.trim().toWellFormed();
}

function parsed(json: string): Values | undefined {
  try {
    const metadata: unknown = JSON.parse(json);
    return isObject(metadata) ? metadata : undefined;
  } catch {
    // MySQL holds what collect wrote. If it is not JSON after all, the event has no metadata here; it counts all the same.
    return undefined;
  }
}

function isObject(value: unknown): value is Values {
  return value !== null && typeof value === 'object';
}
