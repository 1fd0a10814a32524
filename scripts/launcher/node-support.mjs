/** The versions of Node that are tested, and told to people. package.json names them in `engines`. */
export const SUPPORTED = '22.12 or newer, or 24';

/** What is said on a version of Node that is not one of these; undefined where there is nothing to say. */
export function nodeWarning(version) {
  if (!isUsable(version) || isSupported(version)) return undefined;
  return version.startsWith('20.')
    ? `Node ${version} gets no security fixes since April 2026. Tallystone still runs on it; use Node 24 or 22.`
    : `Tallystone is not tested on Node ${version}. If it fails, use Node 24 or 22.`;
}

/** Why this version of Node cannot run the product; undefined where it can. */
export function nodeRefusal(version) {
  if (isUsable(version)) return undefined;
  return (
    `Tallystone needs Node ${SUPPORTED}; this is ${version}. With npm at hand:\n\n` +
    '  npx -y node@24 scripts/start.mjs\n\n' +
    'or install Node for good: https://nodejs.org/en/download'
  );
}

function isUsable(version) {
  const [major, minor] = numbers(version);
  return major > 20 || (major === 20 && minor >= 19);
}

function isSupported(version) {
  const [major, minor] = numbers(version);
  return (major === 22 && minor >= 12) || major >= 24;
}

function numbers(version) {
  return version.split('.').map(Number);
}
