import { RegExpParser } from '@eslint-community/regexpp';

/** An expression that matches more texts than this does not name single things. */
const TEXTS_MAX = 100;
const parser = new RegExpParser();

/**
 * The texts that a regular expression matches, as far as it spells them out. A branch with an open end, such as `\w+`, gives none;
 * look-arounds and anchors are passed over, so that a text may be one that the expression does not match after all.
 * @param {string} source of the expression
 * @returns {string[]}
 */
export function matchingTexts(source) {
  return textsOfBranches(parser.parsePattern(source).alternatives);
}

function textsOfBranches(alternatives) {
  return alternatives.flatMap(({ elements }) => textsOfSequence(elements) ?? []).slice(0, TEXTS_MAX);
}

/** @returns undefined where the sequence has an open end or matches too many texts */
function textsOfSequence(elements) {
  let texts = [''];
  for (const element of elements) {
    const next = textsOf(element);
    if (!next || next.length * texts.length > TEXTS_MAX) return undefined;
    texts = texts.flatMap((text) => next.map((more) => text + more));
  }
  return texts;
}

function textsOf(element) {
  switch (element.type) {
    case 'Character':
      return [String.fromCodePoint(element.value)];
    case 'Assertion':
      return [''];
    case 'Group':
    case 'CapturingGroup':
      return textsOfBranches(element.alternatives);
    case 'CharacterClass':
      return element.negate ? undefined : textsOfClass(element.elements);
    case 'Quantifier': {
      const texts = element.max === 1 ? textsOf(element.element) : undefined;
      return texts && element.min === 0 ? ['', ...texts] : texts;
    }
    default:
      return undefined;
  }
}

function textsOfClass(members) {
  const texts = members.map((member) => {
    if (member.type === 'Character') return [String.fromCodePoint(member.value)];
    if (member.type !== 'CharacterClassRange') return undefined;
    const [first, last] = [member.min.value, member.max.value];
    return Array.from({ length: last - first + 1 }, (_none, i) => String.fromCodePoint(first + i));
  });
  return texts.includes(undefined) ? undefined : texts.flat();
}
