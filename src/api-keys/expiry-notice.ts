import { DAY_MS } from '../events/limits.js';

/** What is said of a key that is about to expire. */
export const EXPIRY_NOTICES = ['expires_within_30_days', 'expires_within_7_days'] as const;
export type ExpiryNotice = (typeof EXPIRY_NOTICES)[number];

/** @param now ms @returns null for a key that does not expire, has expired, or has longer to live */
export function expiryNotice(expiresAt: Date | null, now: number): ExpiryNotice | null {
  if (!expiresAt) return null;
  const left = expiresAt.getTime() - now;
  if (left <= 0 || left > 30 * DAY_MS) return null;
  return left <= 7 * DAY_MS ? 'expires_within_7_days' : 'expires_within_30_days';
}
