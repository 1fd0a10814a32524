/** What kind of address a text is. */
type UrlKind =
  /** Of a page: http, https, or no scheme at all. */
  | 'web'
  /** Of an app's own scheme, such as `shop://cart`. */
  | 'app'
  /** None that names a page: `about:blank`, `data:…`, `javascript:…`, `(direct)`. */
  | 'none';

/** The parts of an address as they were written. */
export interface UrlParts {
  kind: UrlKind;
  /** In lower case, without the colon; '' where there is none. */
  scheme: string;
  /** User, host and port; undefined where the address names no host. */
  authority: string | undefined;
  path: string;
  query: string;
  fragment: string;
}

const NOTHING: UrlParts = { kind: 'none', scheme: '', authority: undefined, path: '', query: '', fragment: '' };

const SCHEME = /^[a-z][a-z\d+.-]*:/i;
/** A host with a port looks like a scheme. */
const PORT_FOLLOWS = /^\d{1,5}(?:[/\\?#]|$)/;
/** What programs write where there is no address. */
const NO_ADDRESS = /^(?:\(.*|null|undefined|-|)$/s;
/** Ends of files' names, which look like the end of a host. */
const FILE = /\.(?:html?|xhtml|shtml|php|aspx?|jsp|cgi|json|xml|txt|pdf|csv|jpe?g|png|gif|svg|webp|js|css)$/i;

/**
 * Splits an address into its parts as browsers do. Takes also what other clients send: `//host/x`, `host.example/x`, `/path` and
 * `path`. Its time grows with the length of the text.
 */
export function splitUrl(written: string): UrlParts {
  const text = cleaned(written);
  if (NO_ADDRESS.test(text)) return NOTHING;
  const scheme = SCHEME.exec(text)?.[0].slice(0, -1).toLowerCase() ?? '';
  const rest = text.slice(scheme.length + 1);
  if (scheme === 'http' || scheme === 'https') return { ...parts(withoutSlashes(rest), true), kind: 'web', scheme };
  // The path of a file names the person whose folder it lies in.
  if (scheme !== '' && scheme !== 'file' && rest.startsWith('//')) {
    return { ...parts(rest.slice(2), true), kind: 'app', scheme };
  }
  if (scheme !== '' && !(isHostName(scheme) && PORT_FOLLOWS.test(rest))) return NOTHING;
  if (/^[/\\]{2}/.test(text)) return { ...parts(withoutSlashes(text), true), kind: 'web', scheme: '' };
  const [first = ''] = text.split(/[/\\?#]/, 1);
  if (first.includes('@')) return NOTHING;
  return { ...parts(text, isHostName(first.replace(/:\d{1,5}$/, ''))), kind: 'web', scheme: '' };
}

/** Browsers drop white space and control characters around an address, and line breaks and tabs within it. */
function cleaned(written: string): string {
  let start = 0;
  let end = written.length;
  while (start < end && written.charCodeAt(start) <= 0x20) start += 1;
  while (start < end && written.charCodeAt(end - 1) <= 0x20) end -= 1;
  const text = written.slice(start, end).toWellFormed();
  return /[\t\r\n]/.test(text) ? text.replace(/[\t\r\n]/g, '') : text;
}

function withoutSlashes(text: string): string {
  return text.replace(/^[/\\]+/, '');
}

/** Whether a text without scheme begins with a host and not with a path. */
function isHostName(text: string): boolean {
  if (text === 'localhost') return true;
  const end = text.slice(text.lastIndexOf('.') + 1);
  if (end.length === text.length || !/^[\p{L}\p{N}]/u.test(text) || FILE.test(text)) return false;
  return /^(?:\p{L}{2,63}|xn--[a-z\d-]{1,59})$/iu.test(end) || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text);
}

/** A backslash is a slash up to the query. */
function parts(text: string, hasHost: boolean): Pick<UrlParts, 'authority' | 'path' | 'query' | 'fragment'> {
  const hash = text.indexOf('#');
  const fragment = hash < 0 ? '' : text.slice(hash + 1);
  const before = hash < 0 ? text : text.slice(0, hash);
  const mark = before.indexOf('?');
  const query = mark < 0 ? '' : before.slice(mark + 1);
  const place = (mark < 0 ? before : before.slice(0, mark)).replaceAll('\\', '/');
  if (!hasHost) return { authority: undefined, path: place, query, fragment };
  const slash = place.indexOf('/');
  const authority = slash < 0 ? place : place.slice(0, slash);
  return { authority, path: slash < 0 ? '' : place.slice(slash), query, fragment };
}
