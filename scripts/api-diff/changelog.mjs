/**
 * Changes that the changelog does not tell.
 * @param {ReadonlyMap<string, string>} changes each with the name by which it must be told
 * @param {string} changelog text of CHANGELOG.md
 * @returns {string[]} a sentence each
 */
export function untoldChanges(changes, changelog) {
  const [, unreleased = ''] = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(changelog) ?? [];
  const code = [...unreleased.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
  const isTold = (name) => code.some((text) => text.split(/[\s,]+/).includes(name));
  return [...changes].flatMap(([what, name]) =>
    isTold(name) ? [] : [`${what} is new: CHANGELOG.md has to name it under Unreleased, as \`${name}\``],
  );
}
