import { networkOf, siteName } from './network.js';

test.each([
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.8', false],
  ['::ffff:192.0.2.7', '192.0.2.7', true],
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['fe80::1%eth0', 'fe80::2', true],
])('%s and %s are one sender: %s', (a, b, same) => {
  expect(networkOf(a).equals(networkOf(b))).toBe(same);
});

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:3::1', true],
  ['2001:db8:1::1', '2001:db8:2::1', false],
  ['192.0.2.7', '192.0.2.8', false],
])('%s and %s belong to one site: %s', (a, b, same) => {
  expect(siteName(a) === siteName(b)).toBe(same);
});
