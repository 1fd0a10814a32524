import { canonicalJson, payloadHash } from './payload-hash.js';

test('the order of keys does not matter, at any depth; values and array order do', () => {
  const a = { event: 'x', metadata: { b: 1, a: [{ d: 1, c: 2 }] } };
  const b = { metadata: { a: [{ c: 2, d: 1 }], b: 1 }, event: 'x', url: undefined };
  expect(payloadHash(a)).toBe(payloadHash(b));
  expect(payloadHash(a)).not.toBe(payloadHash({ ...a, event: 'y' }));
  expect(payloadHash({ metadata: { a: [1, 2] } })).not.toBe(payloadHash({ metadata: { a: [2, 1] } }));
  expect(payloadHash(a)).toMatch(/^[0-9a-f]{16}$/);
});

test('a member named __proto__ is hashed like any other', () => {
  const one: unknown = JSON.parse('{"__proto__":{"a":1}}');
  const two: unknown = JSON.parse('{"__proto__":{"a":2}}');
  expect(canonicalJson(one)).toBe('{"__proto__":{"a":1}}');
  expect(canonicalJson(one)).not.toBe(canonicalJson(two));
});
