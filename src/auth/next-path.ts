/**
 * Where to go after the sign-in: only paths of our own. Whatever a browser could read as another host (`//evil`, `/\evil`,
 * control characters, and those same forms once decoded) becomes `/`.
 */
export function ownPath(next: unknown): string {
  if (typeof next !== 'string' || next.length > 2048) return '/';
  const base = 'http://own.invalid';
  let decoded = next;
  // Twice: proxies and frameworks on the way may have decoded once already.
  for (let round = 0; round < 3; round += 1) {
    if (!/^\/(?![/\\])/.test(decoded) || /[\p{Cc}\\]/u.test(decoded)) return '/';
    if (!URL.canParse(decoded, base) || new URL(decoded, base).origin !== base) return '/';
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return '/';
    }
  }
  const { pathname, search, hash } = new URL(next, base);
  return pathname.startsWith('//') ? '/' : pathname + search + hash;
}
