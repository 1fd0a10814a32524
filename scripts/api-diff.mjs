import './launcher/node-version.mjs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { changedDocuments } from './api-diff/baseline.mjs';
import { deprecatedNames, unnamedChanges } from './api-diff/changelog.mjs';
import { compareDocuments } from './api-diff/compare-documents.mjs';
import { changelogFaults, deprecationFaults } from './api-diff/deprecations.mjs';
import { ROOT } from './launcher/settings.mjs';
import { say, warn } from './launcher/terminal.mjs';

// node scripts/api-diff.mjs: compares docs/openapi/current.json with the document of the last release. Prints what breaks its
// clients, and what was added and the changelog does not name; exits with 1 if there is any. docs/releasing.md explains it.

const { values } = parseArgs({
  options: {
    current: { type: 'string', default: join(ROOT, 'docs', 'openapi', 'current.json') },
    changelog: { type: 'string', default: join(ROOT, 'CHANGELOG.md') },
  },
});
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const kept = (version) => join(ROOT, 'docs', 'openapi', `${version}.json`);
/** @type {import('./api-diff/baseline.mjs').Release[]} */
const recorded = readJson(join(ROOT, 'docs', 'releases.json'));
const releases = recorded.map(({ version }) => version);
const last = releases[releases.length - 1];
const before = readJson(kept(last));
const after = readJson(values.current);

const findings = compareDocuments(before, after, releases);
const { version } = readJson(join(ROOT, 'package.json'));
const changelog = readFileSync(values.changelog, 'utf8');
const section = version === last ? 'Unreleased' : version;
const faults = [
  ...changedDocuments(recorded, (release) => readFileSync(kept(release))),
  ...findings.breaks,
  ...deprecationFaults(before, after, nextRelease()),
  ...changelogFaults(before, after, deprecatedNames(changelog, section)),
  ...unnamedChanges(findings.additions, changelog, section),
];
for (const fault of faults) warn(fault);
say(`API since ${last}: ${findings.additions.size} additions, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

/** The version of package.json; until that is raised, the minor release after the last one. */
function nextRelease() {
  if (version !== last) return version;
  const [major, minor] = last.split('.').map(Number);
  return `${major}.${minor + 1}.0`;
}
