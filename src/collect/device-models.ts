import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../events/event.js';

/** Beside the compiled program; in dist/ when the sources themselves run, as in tests. */
const PLACES = ['device-models.json', join('dist', 'device-models.json')];

/** As Android browsers and apps write it: the version, perhaps a language, then the model up to its build. "SM-S911B" is no language. */
const MODEL = new RegExp(
  [
    String.raw`\b(?:Android|Adr|Tizen)\b[^;()]{0,40}[;)] ?(?:U; ?)?(?:[a-z]{2,4}(?:[-_](?:[a-z]{0,8}|\d{3}))* ?;(?! ?wv\)) ?)?`,
    String.raw`([^;()]{1,80}?(?:\([^()]{0,40}\)[^;()]{0,40}?)?)`,
    String.raw`(?: ?\b(?:Build|MIUI)\b| AppleWebKit|\/[A-Z]{1,4}\d|[;)]|$)`,
  ].join(''),
  'i',
);
/** With the build that follows it: some makers put their name there. */
const MODEL_AND_BUILD = new RegExp(`${MODEL.source}[^;)]*`, 'i');

const NO_HANDHELD = /\b(?:smart|android) ?tv\b|\bshell\b/;

interface Table {
  classes: ReadonlyMap<string, Device>;
  /** What only televisions, boxes, consoles and the like begin with, such as "mecool". */
  beginnings: ReadonlySet<string>;
}
let table: Table | undefined;

/**
 * The class of the Android or Tizen model that a User-Agent names, by the table that scripts/build-device-models.mjs makes.
 * @returns undefined when it names none, or one that is not in the table
 */
export function classOfModel(userAgent: string): Device | undefined {
  const model = MODEL.exec(userAgent)?.[1]?.trim().toLowerCase();
  if (!model) return undefined;
  const { classes, beginnings } = (table ??= readTable());
  // Some write the maker before the model: "samsung sm-a515f".
  const known = classes.get(model) ?? classes.get(model.replace(/^[a-z]+[ _](?=.*\d.*\d)/, ''));
  // Some entries are no models, such as "fresh smart tv" among the tablets.
  if (known && NO_HANDHELD.test(model)) return 'other';
  return known ?? (beginsWithOneOf(beginnings, model) ? 'other' : undefined);
}

/** Whether the first words of a model are in the set. */
function beginsWithOneOf(beginnings: ReadonlySet<string>, model: string): boolean {
  for (let end = model.length - 1; end > 0; end -= 1) {
    if (/[ _/-]/.test(model[end]!) && beginnings.has(model.slice(0, end))) return true;
  }
  return false;
}

/** The rest of a User-Agent when its model is taken out: models have names like "M bot 60". */
export function withoutModel(userAgent: string): string {
  return userAgent.replace(MODEL_AND_BUILD, '');
}

/** @throws Error when the build did not make the table */
function readTable(): Table {
  const file = PLACES.map((place) => join(import.meta.dirname, '..', '..', place)).find((path) => existsSync(path));
  if (!file) throw new Error('dist/device-models.json is missing: run `npm run build`');
  const { beginnings, mobile, tablet, desktop, other } = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    string[]
  >;
  const classes = new Map<string, Device>();
  for (const [device, models] of Object.entries({ mobile, tablet, desktop, other })) {
    for (const model of models ?? []) classes.set(model, device as Device);
  }
  return { classes, beginnings: new Set(beginnings) };
}
