import { DAY_MS } from '../events/limits.js';
import { expiryNotice } from './expiry-notice.js';

const NOW = Date.UTC(2026, 10, 25);

test.each([
  [null, null],
  [-1, null],
  [0, null],
  [1, 'expires_within_7_days'],
  [7 * DAY_MS, 'expires_within_7_days'],
  [7 * DAY_MS + 1, 'expires_within_30_days'],
  [30 * DAY_MS, 'expires_within_30_days'],
  [30 * DAY_MS + 1, null],
])('a key with %p ms left: %p', (left, notice) => {
  expect(expiryNotice(left === null ? null : new Date(NOW + left), NOW)).toBe(notice);
});
