import { createHash } from 'node:crypto';

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;

/** The first day of the events, and how many days they cover. Fixed, so that every release answers about the same days. */
export const FIRST_DAY = Date.UTC(2026, 8, 1);
export const DAYS = 61;

const NAMES = ['page_view', 'page_view', 'page_view', 'search', 'add_to_cart', 'purchase', 'naïve café ☕'];
const PAGES = [
  '/',
  '/pricing',
  '/products/mug?utm_source=news&utm_medium=email&utm_campaign=autumn',
  '/blog/zählen',
  '/#/cart',
];
const REFERRERS = [
  undefined,
  'https://www.google.com/',
  'https://news.example.org/item?id=7',
  undefined,
  'https://shop.example.com/',
];
const USER_AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Googlebot/2.1 (+http://www.google.com/bot.html)',
];
/** Of each kind that metadata may hold, and texts that look like other kinds. */
const METADATA = [
  undefined,
  { amount: 19.9, currency: 'EUR', items: ['mug', 'coaster'] },
  { plan: 'pro', 'plan.name': 'dotted', nested: { deep: { level: 3 } } },
  { amount: '19.90', paid: true, coupon: null },
  { day: '2026-09-01', title: 'Zählen von Hand', 日本: 'キー' },
];

/**
 * Events spread over two months, the same at every call.
 * @param {string} app makes the ids differ between apps
 * @param {number} count how many
 * @param {{people?: number, firstDay?: number, days?: number}} [more] people: how many users; firstDay: ms; days
 * @returns {Record<string, unknown>[]} oldest first
 */
export function events(app, count, { people = 30, firstDay = FIRST_DAY, days = DAYS } = {}) {
  return Array.from({ length: count }, (_, i) => {
    const hour = (i * 7) % 24;
    const time = firstDay + Math.floor((i * days) / count) * DAY_MS + hour * HOUR_MS + ((i * 37_123) % HOUR_MS);
    const metadata = METADATA[i % METADATA.length];
    const referrer = REFERRERS[i % REFERRERS.length];
    return {
      event: NAMES[i % NAMES.length],
      eventId: createHash('sha256').update(`${app} ${i}`).digest('hex').slice(0, 12),
      timestamp: new Date(time).toISOString(),
      ...person(i, people),
      url: `https://shop.example.com${PAGES[i % PAGES.length]}`,
      ...(referrer ? { referrer } : {}),
      userAgent: USER_AGENTS[i % USER_AGENTS.length],
      ...(i % 3 === 0 ? { ipAddress: `203.0.113.${i % 200}` } : {}),
      ...(i % 4 === 0 ? { sessionId: `session-${Math.floor(i / 8)}` } : {}),
      ...(metadata ? { metadata } : {}),
    };
  });
}

/** A user, an anonymous visitor, both ids at once, or neither: then the server makes an id for the day. */
function person(i, people) {
  const number = (i * i) % people;
  if (i % 11 === 0) return {};
  if (i % 5 === 0) return { anonymousId: `visitor-${number}` };
  if (i % 13 === 0) return { userId: `customer-${number}`, anonymousId: `visitor-${number}` };
  return { userId: `customer-${number}` };
}
