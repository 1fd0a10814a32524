/** Endings of what belongs to pages, or is fetched by programs, and is no page itself. */
const NO_PAGE = new Set(
  [
    'css js mjs cjs map json jsonld xml xsl rss atom txt webmanifest appcache wasm vtt',
    'png jpg jpeg jfif gif webp avif svg svgz ico cur bmp tif tiff heic jxl apng',
    'woff woff2 ttf otf eot',
    'mp3 mp4 m4a m4v m4s m3u8 ts mpd webm ogg ogv oga opus wav flac aac avi mov mkv mpg mpeg wmv flv swf',
    'pdf doc docx xls xlsx ppt pptx odt ods odp csv epub',
    'zip gz tgz tar bz2 xz zst 7z rar exe msi dmg pkg iso img bin apk ipa deb rpm jar war class torrent asc sig sha1 sha256 md5',
  ].flatMap((line) => line.split(' ')),
);

/** Answered with the page, or with the word that the visitor's copy of it is still good. */
const SHOWN = new Set([200, 304]);

/**
 * Whether a request of an access log showed somebody a page: a GET, answered 200 or 304, of a path that does not end like a
 * style sheet, a script, an image, a feed, robots.txt or a download.
 */
export function isPageView(method, url, status) {
  return method === 'GET' && SHOWN.has(status) && isPage(url);
}

function isPage(url) {
  const path = url
    .replace(/^https?:\/\/[^/?#]*/i, '')
    .replace(/[?#].*$/s, '')
    .replace(/;[^/]*$/, ''); // ;jsessionid=…
  if (path.startsWith('/.well-known/')) return false;
  const ending = /\.(\w+)$/.exec(path)?.[1];
  return ending === undefined || !NO_PAGE.has(ending.toLowerCase());
}
