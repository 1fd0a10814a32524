/** Endings of what belongs to pages, or is fetched by programs, and is no page itself. */
const NO_PAGE = new Set(
  [
    'css scss less js mjs cjs jsx tsx map json jsonl ndjson jsonld geojson topojson xml xsl xslt rss atom rdf opml txt log yaml yml toml ini conf cfg env',
    'webmanifest appcache htc wasm axd ashx asmx vtt srt ics vcf lock proto wsdl xsd dtd',
    'png apng jpg jpeg jpe jfif gif webp avif svg svgz ico cur bmp tif tiff heic heif jxl jp2 psd eps',
    'woff woff2 ttf ttc otf eot',
    'mp3 mp4 m4a m4b m4v m4s m3u m3u8 ts m2ts mpd webm ogg ogv oga ogx opus wav flac aac aif aiff amr weba mka caf mid midi avi mov mkv mpg mpeg wmv wma flv f4v f4m swf 3gp 3g2',
    'glb gltf obj stl usdz fbx hdr exr ktx2 pbf mvt mbtiles kml kmz gpx shp',
    'pdf doc docx docm xls xlsx xlsm ppt pptx pptm odt ods odp odg rtf csv tsv epub mobi azw3 djvu',
    'zip gz tgz tar bz2 xz zst br lz4 7z rar cab exe dll msi msix dmg pkg iso img bin dat apk aab ipa deb rpm appimage jar war class whl crx xpi',
    'sql sqlite db bak dump parquet avro torrent asc sig pem crt cer der crl p12 pfx sha1 sha256 sha512 md5 diff patch',
  ].flatMap((line) => line.split(' ')),
);

/** Paths below which sites and frameworks keep no pages: optimised images, bundles, data, interfaces. */
const NO_PAGES_BELOW =
  /^\/(?:\.well-known|_next|_nuxt|_astro|_app|_ipx|_image|_vercel|\.netlify|cdn-cgi|wp-json|wp-content|wp-includes|socket\.io|sockjs-node)(?:\/|$)/;
/** WordPress and others give each page a feed of its own: /news/feed/atom/. */
const FEED = /\/(?:feeds?|rss2?|atom)(?:\/(?:rss2?|atom|rdf))?$/i;
const FOR_MONITORS =
  /^\/(?:healthz?|health-?check|livez|ready|readyz|ping|metrics|server-status|nginx_status|stub_status)$/;
/** What programs ask for on many sites: WordPress's own calls, GraphQL, Apple's list of apps. */
const FOR_PROGRAMS = /\/(?:(?:wp-cron|xmlrpc|wp-admin\/admin-ajax)\.php|graphql|apple-app-site-association)$/;

/** Answered with the page, or with the word that the visitor's copy of it is still good. */
const SHOWN = new Set([200, 304]);

/**
 * Whether a request of an access log showed somebody a page: a GET, answered 200 or 304, of a path that is not that of a
 * style sheet, a script, an image, a feed, robots.txt or a download.
 * @param {string | undefined} method
 * @param {string} url
 * @param {number} status
 */
export function isPageView(method, url, status) {
  return method === 'GET' && SHOWN.has(status) && isPage(url);
}

/** @param {string} url */
function isPage(url) {
  const path = decoded(url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, ''))
    .replace(/[?#;][^/]*$/s, '') // ;jsessionid=…, and a query whose question mark was encoded
    .replace(/(?<=[^/])\/+$/, '');
  if (!/^(?:\/|$)/.test(path) || url === '*' || url === '-') return false;
  if (NO_PAGES_BELOW.test(path) || FEED.test(path) || FOR_MONITORS.test(path) || FOR_PROGRAMS.test(path)) return false;
  const ending = /\.(\w+)$/.exec(path)?.[1];
  return ending === undefined || !NO_PAGE.has(ending.toLowerCase());
}

/** A path as the server read it; one that cannot be decoded stays as it is. @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
