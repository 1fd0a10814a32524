import type { FastifyRequest } from 'fastify';
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
});

test('a header made to be slow is not', () => {
  for (const part of ['"', ',', 'for="', 'for=', '[', 'a,"', '":']) {
    const start = performance.now();
    from({ forwarded: part.repeat(16_000 / part.length) });
    from({ 'x-forwarded-for': part.repeat(16_000 / part.length) });
    expect(performance.now() - start).toBeLessThan(50);
  }
});
