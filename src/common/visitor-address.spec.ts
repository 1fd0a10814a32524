import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { growthOf, LINEAR } from '../../test/plain/growth.js';
import { trustedProxies } from './trusted-proxies.js';
import { visitorAddress } from './visitor-address.js';

const PROXIES = new Set(['127.0.0.1', '10.0.0.1', '10.0.0.2', '2001:db8:ffff::1']);

function from(headers: Record<string, string>, peer = '127.0.0.1'): string {
  const raw = { socket: { remoteAddress: peer } } as FastifyRequest['raw'];
  return visitorAddress({ headers, raw }, (address) => PROXIES.has(address));
}

describe('X-Forwarded-For', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:1111', '203.0.113.9'],
    [' "203.0.113.9:1111" ', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:cb00:7109', '203.0.113.9'],
    ['[::ffff:203.0.113.9]:1111', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:0DB8:0:0:0:0:0:0001', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
    ['fe80::1%br-lan', 'fe80::1'],
    ['fe80::1%eth_0', 'fe80::1'],
    ['[fe80::1%eth0.100]:443', 'fe80::1'],
    ['fe80::1%a:b', 'fe80::1'],
    ['::ffff:203.0.113.9%br-lan', '203.0.113.9'],
    // IPv4-compatible, not IPv4-mapped: another address, and IPv6.
    ['::203.0.113.9', '::cb00:7109'],
    ['64:ff9b::203.0.113.9', '64:ff9b::cb00:7109'],
    ['203.0.113.9:_a.b-c', '203.0.113.9'],
    // The visitor is the last one that no trusted proxy is.
    ['198.51.100.1, 203.0.113.9:1111, 10.0.0.1:80, 10.0.0.2', '203.0.113.9'],
    ['203.0.113.9:1111,[2001:db8:ffff::1]:443', '203.0.113.9'],
    ['10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['203.0.113.9, ,', '203.0.113.9'],
    // What is no address is nobody: the proxy that wrote it stands for whoever was before it.
    ['unknown', '127.0.0.1'],
    ['203.0.113.9, unknown', '127.0.0.1'],
    ['unknown, 10.0.0.1', '10.0.0.1'],
    ['203.0.113.999', '127.0.0.1'],
    ['203.0.113.9%eth0', '127.0.0.1'],
    ['fe80::1%', '127.0.0.1'],
    ['%eth0', '127.0.0.1'],
    ['017.0.0.1', '127.0.0.1'],
    ['42', '127.0.0.1'],
    ['', '127.0.0.1'],
  ])('%j is %s', (header, address) => {
    expect(from({ 'x-forwarded-for': header })).toBe(address);
  });
});

describe('Forwarded', () => {
  test.each([
    ['for=203.0.113.9', '203.0.113.9'],
    ['for="203.0.113.9:1111"', '203.0.113.9'],
    ['For="[2001:DB8::1]:443"', '2001:db8::1'],
    ['by=10.0.0.1;proto=https;for="[2001:db8::1]";host="a,b;for=192.0.2.1"', '2001:db8::1'],
    ['for=198.51.100.1, for="203.0.113.9:1111";by=10.0.0.9, For=10.0.0.1', '203.0.113.9'],
    ['for=203.0.113.9, for=_hidden', '127.0.0.1'],
    ['for=unknown', '127.0.0.1'],
    ['for=203.0.113.9, by=10.0.0.1', '127.0.0.1'],
    ['for="203.0.113.9', '127.0.0.1'],
    ['for="[fe80::1%25eth0.100]:443"', 'fe80::1'],
    [String.raw`for="203.0.113.9\:1111"`, '203.0.113.9'],
    [String.raw`for="\[2001:db8\:\:1\]\:443"`, '2001:db8::1'],
    // What is quoted is one value, whatever it looks like.
    ['host="a;for=192.0.2.1";for=203.0.113.9', '203.0.113.9'],
    [String.raw`host="a\";for=192.0.2.1,";for=203.0.113.9`, '203.0.113.9'],
    ['for=203.0.113.9 ;proto=https, ,', '203.0.113.9'],
  ])('%j is %s', (forwarded, address) => {
    expect(from({ forwarded })).toBe(address);
  });

  test('is looked at only where X-Forwarded-For is missing: proxies that set the one pass the other on', () => {
    expect(from({ 'x-forwarded-for': '203.0.113.9', forwarded: 'for=192.0.2.1' })).toBe('203.0.113.9');
  });
});

test('nothing that an untrusted peer says of itself counts, and its own address has one spelling', () => {
  const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
  expect(from(headers, '192.0.2.7')).toBe('192.0.2.7');
  expect(from(headers, '::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(from(headers, '::ffff:127.0.0.1')).toBe('203.0.113.9');
  expect(from({}, 'fe80::1%eth0')).toBe('fe80::1');
  expect(from({}, 'fe80::2%br-lan')).toBe('fe80::2');
  expect(from({}, 'fe80::2%eth0.100')).toBe('fe80::2');
  expect(from({}, '')).toBe('');
});

test('every spelling of an IPv6 address comes to one, and no zone makes it fail', () => {
  const group = fc.oneof(fc.constantFrom(0, 0, 0xffff), fc.nat(0xffff));
  const zone = fc.string({ minLength: 1 }).filter((text) => text.trim() !== '' && !/[,"\\\]]/.test(text));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), zone, (groups, zoneName) => {
      const bytes = Buffer.from(groups.flatMap((value) => [value >> 8, value & 0xff]));
      const ending = bytes.subarray(12).join('.');
      const full = groups.map((value) => value.toString(16));
      const compressed = new URL(`http://[${full.join(':')}]`).hostname.slice(1, -1);
      const spellings = [
        full.join(':'),
        full.map((text) => text.padStart(4, '0').toUpperCase()).join(':'),
        compressed,
        [...full.slice(0, 6), ending].join(':'),
      ].flatMap((text) => [text, `${text}%${zoneName}`, `[${text}]:443`, `[${text}%25${zoneName}]:443`]);
      const isMapped = groups.slice(0, 6).join() === '0,0,0,0,0,65535';
      const expected = isMapped ? ending : compressed;
      for (const text of spellings) expect([text, from({ 'x-forwarded-for': text })]).toEqual([text, expected]);
    }),
  );
  expect(from({ 'x-forwarded-for': '0:0:0:0:0:ffff:cb00:7109' })).toBe('203.0.113.9');
});

test('trusted proxies are recognised with and without their zone', () => {
  const trusts = trustedProxies({
    trustedProxies: ['loopback', 'fe80::1%eth0.100', 'fe80:1::%br-lan/64', '::ffff:10.1.0.0/112', '::192.0.2.1'],
  });
  const trusted = [
    '127.0.0.1',
    '::ffff:127.0.0.1',
    '::1',
    'fe80::1',
    'fe80::1%eth0.100',
    'fe80:1::7%wlan-0',
    '10.1.2.3',
  ];
  const others = ['fe80::2', 'fe80::2%br-lan', '192.0.2.1', '10.2.0.1', '', 'unknown', undefined];
  expect([...trusted, '::192.0.2.1'].filter((peer) => !trusts(peer))).toEqual([]);
  expect(others.filter((peer) => trusts(peer))).toEqual([]);
});

test('a header made to be slow is not', () => {
  for (const part of ['"', ',', 'for="', 'for=', '[', 'a,"', '":', '\\"', '"\\', ';', ' ', '%', ':', '1.', 'a;"']) {
    const headers = ['forwarded', 'x-forwarded-for'];
    for (const header of headers) {
      const read = (length: number) => void from({ [header]: part.repeat(length / part.length) });
      // An array that outgrows V8's young space costs more at one length; growth with the square shows at every length.
      const linear = [16_000, 128_000].some((length) => growthOf(read, length, 5) < LINEAR);
      expect([header, part, linear]).toEqual([header, part, true]);
    }
  }
});
