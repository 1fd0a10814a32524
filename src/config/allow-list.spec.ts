import { AllowList } from './allow-list.js';
import { canonicalDomain, isOneAddress } from './email-address.js';

const list = new AllowList(['@Example.com', '@bücher.example', 'Ann@Gmail.com', 'bob@xn--bcher-kva.example']);
const allows = (email: string, domain: string | null) => list.allows({ email, domain });

test.each<[email: string, domain: string | null]>([
  ['eve@example.com', 'example.com'],
  ['eve@alias.example', 'EXAMPLE.COM'],
  ['eve@bücher.example', 'xn--bcher-kva.example'],
  ['eve@bücher.example', 'BÜCHER.example'],
  ['ann@gmail.com', ''],
  ['ANN@GMAIL.COM', null],
  ['bob@bücher.example', ''],
])('%s of the Workspace %j is let in', (email, domain) => expect(allows(email, domain)).toBe(true));

test.each<[email: string, domain: string | null]>([
  ['eve@example.com', ''],
  ['eve@example.com', null],
  ['eve@example.com', 'example.com.evil.example'],
  ['eve@example.com', 'gmail.com'],
  ['eve@example.com', '@example.com'],
  ['ann@gmail.com@evil.example', 'evil.example'],
  // Letters that look like others, or become them when case is folded.
  ['eve@exаmple.com', 'exаmple.com'],
  ['anN\u0303@gmail.com', ''],
  ['', ''],
])('%s of the Workspace %j is not', (email, domain) => expect(allows(email, domain)).toBe(false));

test('folding case never makes one name of two', () => {
  const kim = new AllowList(['kim@gmail.com']);
  expect(kim.allows({ email: '\u212aim@gmail.com', domain: '' })).toBe(false);
  expect(kim.allows({ email: 'Kim@gmail.com', domain: '' })).toBe(true);
});

test('* is anyone', () => expect(new AllowList(['*']).allows({ email: 'eve@evil.example', domain: '' })).toBe(true));

test.each(['*', '@example.com', '@bücher.example', '@localhost', 'ann@example.com', "o'neil@example.com"])(
  '%s is an entry',
  (entry) => expect(AllowList.isEntry(entry)).toBe(true),
);
test.each(['@', 'example.com', '*@example.com', 'a@b@c', 'Ann <ann@example.com>', '@exa mple.com', '@a/b', 'ann@'])(
  '%s is none',
  (entry) => expect(AllowList.isEntry(entry)).toBe(false),
);

test('what is no domain has no canonical form', () => {
  for (const text of ['', 'a b', 'a@b', 'a/b', 'ex%41mple.com', 'a:1', '\0', 'x'.repeat(254)])
    expect(canonicalDomain(text)).toBeUndefined();
});

test('an address has at most 320 characters', () => {
  expect(isOneAddress(`ann@${'a'.repeat(60)}.test`)).toBe(true);
  expect(isOneAddress(`${'a'.repeat(320)}@example.test`)).toBe(false);
});
