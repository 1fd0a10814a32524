import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './launcher/settings.mjs';

// npm run build:devices: which class each Android model that node-device-detector knows belongs to, into
// dist/device-models.json. Asking it for each event would take milliseconds; from this table it takes microseconds.

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

const require = createRequire(import.meta.url);
const madeFrom = createHash('sha256')
  .update(require('node-device-detector/package.json').version)
  .update(readFileSync(import.meta.filename))
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
  const brandsOfModel = require('node-device-detector/regexes/device-index-hash');
  const parsers = PARSERS.map(parser);
  const phones = parsers.at(-1);
  const allBrands = phones.collection;
  const models = { mobile: [], tablet: [], desktop: [], other: [] };
  for (const [model, brands] of Object.entries(brandsOfModel)) {
    // The library's own index says which brands a model can be of: the others need not be tried.
    const names = brands.map((id) => phones.getBrandNameById(id)).filter((name) => allBrands[name]);
    phones.collection = Object.fromEntries(names.map((name) => [name, allBrands[name]]));
    const type = firstType(
      parsers,
      `Mozilla/5.0 (Linux; Android 10; ${model} Build/1) AppleWebKit/537.36 Safari/537.36`,
    );
    if (type && model !== '') models[CLASSES[type] ?? 'other'].push(model);
  }
  return models;
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
