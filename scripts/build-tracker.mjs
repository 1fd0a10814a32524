import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './launcher/settings.mjs';

// npm run build:tracker: tracker/t.ts and extra.ts into dist/tracker/. The API process serves them as /t.js and /t.js?extra.

const folder = join(ROOT, 'dist', 'tracker');
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: ['t.ts', 'extra.ts'].map((name) => join(ROOT, 'tracker', name)),
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2020'],
  logLevel: 'warning',
});
