import { isBlank } from '../../events/characters.js';
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
  screenName: ['screenName', 'screen_name', '$screen_name'],
  browserVersion: ['browserVersion', 'browser_version', '$browser_version'],
  osVersion: ['osVersion', 'os_version', '$os_version', 'context.os.version'],
  deviceModel: ['deviceModel', 'device_model', '$device_model', '$model', 'context.device.model'],
  appVersion: ['appVersion', 'app_version', '$app_version', '$app_version_string', 'context.app.version'],
  sdk: ['sdk', '$lib', 'mp_lib', 'context.library.name'],
} as const satisfies Record<string, readonly string[]>;

type Field = keyof typeof METADATA_KEYS;
type Values = Record<string, unknown>;

const PATHS = Object.fromEntries(
  Object.entries(METADATA_KEYS).map(([field, keys]) => [field, keys.map((key) => key.split('.'))]),
) as Record<Field, string[][]>;

/**
 * Reads an event's metadata.
 * @param json the text of a JSON object, as it is stored
 */
export function metadataFields(json: string | null): MetadataFields {
  const metadata = json ? parsed(json) : undefined;
  if (!metadata) return NO_FIELDS;
  const size = found(metadata, 'screenSize', screenSizeOf);
  const screen = { width: value(metadata, 'screenWidth'), height: value(metadata, 'screenHeight') };
  return {
    title: found(metadata, 'title', (given) => textOf(given, TITLE_MAX)),
    language: languageOf(found(metadata, 'language')),
    screenSize: size || screenSizeOf(screen),
    screenName: found(metadata, 'screenName') || screenOf(metadata),
    browserVersion: found(metadata, 'browserVersion'),
    osVersion: found(metadata, 'osVersion'),
    deviceModel: found(metadata, 'deviceModel'),
    appVersion: found(metadata, 'appVersion'),
    sdk: found(metadata, 'sdk'),
  };
}

/** `screen` is a size in one client's events and a name in another's. */
function screenOf({ screen }: Values): string {
  return screenSizeOf(screen) ? '' : textOf(screen);
}

/** The first of a field's keys that holds something. */
function found(metadata: Values, field: Field, read: (value: unknown) => string = textOf): string {
  for (const path of PATHS[field]) {
    const given = at(metadata, path);
    const text = given === undefined ? '' : read(given);
    if (text) return text;
  }
  return '';
}

function value(metadata: Values, field: Field): unknown {
  const path = PATHS[field].find((each) => at(metadata, each) !== undefined);
  return path && at(metadata, path);
}

function at(metadata: Values, path: readonly string[]): unknown {
  let place: unknown = metadata;
  for (const key of path) {
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
