/** What a sign-in under way keeps of it. */
const MAX_LENGTH = 2048;

/**
 * Where to go after the sign-in: only paths of our own. Whatever a browser could read as another host (`//evil`, `/\evil`,
 * control characters, and those same forms once decoded) becomes `/`, and so does what is too long to keep.
 */
export function ownPath(next: unknown): string {
  if (typeof next !== 'string' || next.length > MAX_LENGTH) return '/';
  const base = 'http://own.invalid';
  let decoded = next;
  // Twice: proxies and frameworks on the way may have decoded once already.
  for (let round = 0; round < 3; round += 1) {
    if (!/^\/(?![/\\])/.test(decoded) || /[\p{Cc}\\]/u.test(decoded)) return '/';
    if (!URL.canParse(decoded, base)) return '/';
    const { origin, pathname } = new URL(decoded, base);
    if (origin !== base || pathname.startsWith('//')) return '/';
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return '/';
    }
  }
  const { pathname, search, hash } = new URL(next, base);
  const path = pathname + search + hash;
  // Percent-encoding makes it longer than it came.
  return path.length > MAX_LENGTH ? '/' : path;
}
