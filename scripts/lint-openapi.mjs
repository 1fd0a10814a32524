import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import spectral from '@stoplight/spectral-core';
import rulesets from '@stoplight/spectral-rulesets';

// node scripts/lint-openapi.mjs FILE: the recommended rules of redocly and of spectral. Prints each fault on a line of its
// own, and exits with 1 if there is one.

const [, , file] = process.argv;
if (!file) {
  process.stderr.write('Name the OpenAPI document: node scripts/lint-openapi.mjs FILE\n');
  process.exit(2);
}
const source = readFileSync(file, 'utf8');

async function redoclyFaults() {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source, absoluteRef: file, config });
  return problems.map(
    ({ ruleId, message, location }) => `redocly ${ruleId}: ${message} (${location[0]?.pointer ?? ''})`,
  );
}

async function spectralFaults() {
  const linter = new spectral.Spectral();
  // The types of the two packages do not fit each other, though spectral takes the ruleset.
  const oas = /** @type {import('@stoplight/spectral-core').RulesetDefinition} */ (
    /** @type {unknown} */ (rulesets.oas)
  );
  linter.setRuleset({ extends: [[oas, 'recommended']], rules: {} });
  const problems = await linter.run(JSON.parse(source));
  return problems.map(({ code, message, path }) => `spectral ${code}: ${message} (#/${path.join('/')})`);
}

const faults = [...(await redoclyFaults()), ...(await spectralFaults())];
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
