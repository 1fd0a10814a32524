import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { ROOT } from './launcher/settings.mjs';

// npm run build:static, after build:web: writes each large file that the API process serves a second and a third time,
// compressed as well as can be. @fastify/static then sends what the browser takes, and nothing is compressed for a request.

/** Smaller files fit into a packet or two as they are. */
const FROM_BYTES = 4096;
const ASSETS = join(ROOT, 'dist', 'web', 'assets');
/** Copied, since nothing is written into node_modules. The names are those in src/api-docs/set-up.ts. */
const SWAGGER = join(ROOT, 'dist', 'swagger-ui');
const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

mkdirSync(SWAGGER, { recursive: true });
const source = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
for (const name of SWAGGER_FILES) {
  const [from, to] = [join(source, name), join(SWAGGER, name)];
  if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) copyFileSync(from, to);
}
for (const folder of [ASSETS, SWAGGER]) {
  for (const name of readdirSync(folder)) if (/\.(js|css|svg)$/.test(name)) compress(join(folder, name));
}

function compress(file) {
  const content = readFileSync(file);
  if (content.length < FROM_BYTES) return;
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeUnlessNewer(`${file}.br`, file, () => brotliCompressSync(content, { params: { ...quality, ...size } }));
  writeUnlessNewer(`${file}.gz`, file, () => gzipSync(content, { level: constants.Z_BEST_COMPRESSION }));
}

/** The bundle of Swagger UI takes seconds, and changes with its package alone. */
function writeUnlessNewer(to, from, make) {
  if (existsSync(to) && statSync(to).mtimeMs >= statSync(from).mtimeMs) return;
  writeFileSync(to, make());
}
