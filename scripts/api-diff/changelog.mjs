/**
 * Changes that the changelog does not name. Each mention counts once: two new fields called `id` need two.
 * @param {ReadonlyMap<string, string>} changes each with the name that the changelog must use
 * @param {string} changelog text of CHANGELOG.md
 * @param {string} version of package.json: while a release is being made, its section counts beside Unreleased
 * @returns {string[]} a sentence each
 */
export function unnamedChanges(changes, changelog, version) {
  const sections = [...new Set(['Unreleased', version])].map((title) => section(changelog, title)).join('\n');
  const mentions = new Map();
  for (const [, text = ''] of sections.matchAll(/`([^`]+)`/g)) {
    for (const name of text.split(/[\s,]+/)) mentions.set(name, (mentions.get(name) ?? 0) + 1);
  }
  return [...changes].flatMap(([what, name]) => {
    const left = mentions.get(name) ?? 0;
    mentions.set(name, left - 1);
    return left > 0 ? [] : [`${what} is new: CHANGELOG.md has to name it under Unreleased, as \`${name}\``];
  });
}

/**
 * What the changelog names as deprecated, as code: whole, as in `GET /api/apps`.
 * @param {string} changelog text of CHANGELOG.md
 * @param {string} version of package.json, as for {@link unnamedChanges}
 * @returns {string[]}
 */
export function deprecatedNames(changelog, version) {
  return [...new Set(['Unreleased', version])]
    .flatMap((title) => section(changelog, title).split(/^### /m))
    .filter((part) => part.startsWith('Deprecated\n'))
    .flatMap((part) => [...part.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

/**
 * @param {string} changelog
 * @param {string} title
 * @returns {string} the text below that heading; empty where there is none
 */
function section(changelog, title) {
  const heading = new RegExp(`^## ${title.replaceAll('.', '\\.')}( .*)?\n`, 'm').exec(changelog);
  if (!heading) return '';
  const rest = changelog.slice(heading.index + heading[0].length);
  const end = /^## /m.exec(rest);
  return end ? rest.slice(0, end.index) : rest;
}
