import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './launcher/settings.mjs';

// npm run build:tracker: tracker/t.ts into dist/tracker/t.js, which the API process serves as /t.js.

const folder = join(ROOT, 'dist', 'tracker');
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: [join(ROOT, 'tracker', 't.ts')],
  outfile: join(folder, 't.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2020'],
  logLevel: 'warning',
});
