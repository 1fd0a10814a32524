import { createHash } from 'node:crypto';

const DAY_MS = 24 * 60 * 60_000;
export const DEMO_DAYS = 14;
const EVENTS_A_DAY = 400;
const PEOPLE = 350;

/** Name, how often in a hundred, and on which page. */
/** @type {[event: string, percent: number, page: string][]} */
const KINDS = [
  ['page_view', 62, '/'],
  ['search', 12, '/search'],
  ['add_to_cart', 10, '/products/tally-mug'],
  ['signup_click', 8, '/pricing'],
  ['checkout', 5, '/checkout'],
  ['purchase', 3, '/thanks'],
];
const PAGES = ['/', '/pricing', '/products/tally-mug', '/products/stone-coaster', '/blog/counting-by-hand', '/about'];
const REFERRERS = [
  'https://google.com/',
  'https://news.ycombinator.com/',
  'https://duckduckgo.com/',
  undefined,
  undefined,
];
const USER_AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
];

/**
 * A small shop's last two weeks, the same for the same day: more by day than by night, fewer at weekends, people who come
 * back. Ids are made of the place in the stream, so a second run on the same day adds nothing.
 * @param {number} now ms; nothing lies after it
 */
export function* demoStream(now) {
  const random = mulberry32(20_240_220);
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  for (let back = DEMO_DAYS - 1; back >= 0; back -= 1) {
    const day = today - back * DAY_MS;
    const weekend = [0, 6].includes(new Date(day).getUTCDay());
    for (let i = 0; i < EVENTS_A_DAY * (weekend ? 0.6 : 1); i += 1) {
      const event = eventOf(random, day, i);
      if (Date.parse(event.timestamp) <= now) yield event;
    }
  }
}

/** @param {() => number} random @param {number} day ms @param {number} i place in the day's events */
function eventOf(random, day, i) {
  // The mean of two draws: most in the middle of the day.
  const timestamp = new Date(day + Math.floor(((random() + random()) / 2) * DAY_MS)).toISOString();
  const person = Math.floor(random() ** 2 * PEOPLE);
  const [event, , page] = pickKind(random() * 100);
  const url = event === 'page_view' ? PAGES[Math.floor(random() ** 2 * PAGES.length)] : page;
  const referrer = REFERRERS[Math.floor(random() * REFERRERS.length)];
  return {
    event,
    eventId: createHash('sha256').update(`demo ${day} ${i}`).digest('hex').slice(0, 32),
    timestamp,
    userId: `customer-${person}`,
    url: `https://shop.example.com${url}`,
    ...(referrer ? { referrer } : {}),
    userAgent: USER_AGENTS[person % USER_AGENTS.length],
    metadata: event === 'purchase' ? { amount: Math.round(500 + random() * 9500) / 100, currency: 'EUR' } : {},
  };
}

/** @param {number} percent */
function pickKind(percent) {
  let sum = 0;
  return KINDS.find(([, share]) => (sum += share) > percent) ?? KINDS[0];
}

export const DEMO_EVENTS = KINDS.map(([name]) => name);

/** A small seeded generator (Tommy Ettinger's mulberry32, public domain). @param {number} seed */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
