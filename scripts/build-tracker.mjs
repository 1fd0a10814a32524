import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minify } from '@swc/core';
import { build } from 'esbuild';
import { ROOT } from './launcher/settings.mjs';

// npm run build:tracker: tracker/t.ts and extra.ts into dist/tracker/. The API process serves them as /t.js and /t.js?extra.

const folder = join(ROOT, 'dist', 'tracker');
mkdirSync(folder, { recursive: true });
const { outputFiles } = await build({
  entryPoints: ['t.ts', 'extra.ts'].map((name) => join(ROOT, 'tracker', name)),
  outdir: folder,
  bundle: true,
  minify: true,
  // Short, and the same in both files and in every build: browsers may hold two versions for an hour.
  mangleProps: /^(running|room|skew|read|write|forget)$/,
  mangleCache: { running: 'a', room: 'b', skew: 'c', read: 'd', write: 'e', forget: 'f' },
  format: 'esm',
  target: ['es2020'],
  logLevel: 'warning',
  write: false,
});
// A second minifier takes another 60 bytes off t.js.
for (const { path, text } of outputFiles) {
  const module = path.endsWith('extra.js');
  const { code } = await minify(text, {
    module,
    ecma: 2020,
    compress: { passes: 3, ecma: 2020, unsafe: true },
    mangle: true,
  });
  writeFileSync(path, code);
}
