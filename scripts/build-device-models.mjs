import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './launcher/settings.mjs';
import { matchingTexts } from './matching-texts.mjs';

// npm run build:devices: which class each Android model that node-device-detector knows belongs to, into
// dist/device-models.json. Asking it for each event would take milliseconds; from this table it takes microseconds.
// The library's index lists phones and tablets; models of televisions, boxes and consoles are read from its expressions.

const FILE = join(ROOT, 'dist', 'device-models.json');
/** The library's device types; what is not named here (TV sets, consoles, headsets, cars …) is `other`. */
const CLASSES = {
  smartphone: 'mobile',
  phablet: 'mobile',
  'feature phone': 'mobile',
  tablet: 'tablet',
  desktop: 'desktop',
};
/** Asked in this order, as the library does. The last one has nearly all models. */
const PARSERS = ['console', 'car-browser', 'camera', 'portable-media-player', 'mobile'];

/** Shorter ones begin names of phones too. */
const BEGINNING_MIN = 4;
/** Model numbers begin nothing. */
const MODEL_NUMBER = /\d.*\d.*\d/;
/** Of the spellings of a brand that are tried before its models. */
const BRAND_TEXTS_MAX = 3;

const require = createRequire(import.meta.url);
const madeFrom = createHash('sha256')
  .update(require('node-device-detector/package.json').version)
  .update(readFileSync(import.meta.filename))
  .update(readFileSync(join(import.meta.dirname, 'matching-texts.mjs')))
  .digest('hex');

if (tableInPlace()?.madeFrom !== madeFrom) {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(FILE, JSON.stringify({ madeFrom, ...modelsByClass() }));
}

function tableInPlace() {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'));
  } catch {
    return undefined; // Not there, or cut short: it is made anew.
  }
}

function modelsByClass() {
  const parsers = PARSERS.map(parser);
  const phones = parsers.at(-1);
  const allBrands = phones.collection;
  const typeOf = (model, brands) => {
    phones.collection = brands;
    return firstType(parsers, `Mozilla/5.0 (Linux; Android 10; ${model} Build/1) AppleWebKit/537.36 Safari/537.36`);
  };
  const classes = new Map();
  const note = (model, type) => {
    if (type && model !== '') classes.set(model, CLASSES[type] ?? 'other');
  };
  for (const [model, ids] of Object.entries(require('node-device-detector/regexes/device-index-hash'))) {
    // The index says which brands a model can be of: the others need not be tried.
    const names = ids.map((id) => phones.getBrandNameById(id)).filter((name) => allBrands[name]);
    note(model, typeOf(model, Object.fromEntries(names.map((name) => [name, allBrands[name]]))));
  }
  const beginnings = [];
  for (const model of modelsInExpressions(allBrands)) {
    if (!classes.has(model)) note(model, typeOf(model, allBrands));
    // Whatever follows "MECOOL" is a box.
    const mayBegin = classes.get(model) === 'other' && model.length >= BEGINNING_MIN && !MODEL_NUMBER.test(model);
    if (mayBegin && isOther(typeOf(`${model} zq`, allBrands))) beginnings.push(model);
  }
  const models = { mobile: [], tablet: [], desktop: [], other: [] };
  for (const [model, device] of classes) models[device].push(model);
  return { ...models, beginnings };
}

/** Models that the library's expressions for other devices than phones, tablets and computers spell out. */
function modelsInExpressions(brands) {
  const models = new Set();
  for (const { regex, device: usual, models: ofBrand = [] } of Object.values(brands)) {
    const ofBrandAlone = modelTexts(regex);
    const isBrand = new RegExp(regex, 'i');
    if (isOther(usual)) ofBrandAlone.forEach((text) => models.add(text));
    for (const { regex: ofModel } of ofBrand.filter(({ device }) => isOther(device ?? usual))) {
      for (const text of modelTexts(ofModel)) {
        // Some are told only by the brand before them: "onn. 4K Streaming Box".
        if (isBrand.test(text)) models.add(text);
        else ofBrandAlone.slice(0, BRAND_TEXTS_MAX).forEach((brand) => models.add(`${brand} ${text}`));
      }
    }
  }
  return models;
}

/** What an expression spells out, without what it takes for the end of a model. */
function modelTexts(source) {
  const texts = matchingTexts(source).map((text) =>
    text
      .replace(/ build.*| ?[;/)]$/i, '')
      .replace(/^[ _-]+|[ _-]+$/g, '')
      .toLowerCase(),
  );
  return [...new Set(texts)].filter((text) => text !== '' && !/[;,()]/.test(text));
}

function isOther(type) {
  return type !== undefined && !(type in CLASSES);
}

function firstType(parsers, userAgent) {
  for (const one of parsers) {
    const found = one.parse(userAgent);
    if (found) return found.type;
  }
  return undefined;
}

/** A parser of the library that compiles each of its expressions once instead of once for each model. */
function parser(name) {
  const Parser = require(`node-device-detector/parser/device/${name}`);
  const made = new Parser();
  const compile = made.getBaseRegExp.bind(made);
  const compiled = new Map();
  made.getBaseRegExp = (text) => {
    if (!compiled.has(text)) compiled.set(text, compile(text));
    return compiled.get(text);
  };
  return made;
}
