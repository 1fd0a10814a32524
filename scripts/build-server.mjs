import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';
import { PROGRAMS } from './launcher/programs.mjs';
import { ROOT } from './launcher/settings.mjs';

// npm run build:server: the compiled server and its packages into the few files of dist/server/, one for each program and some
// that they share. Node needs half the time to load them (docs/adr/0033-a-bundled-server.md).

const folder = join(ROOT, 'dist', 'server');
const compiled = join(ROOT, 'dist', 'src');

/** A package's own `require`, which hides from the bundler what it loads. It would load a second copy from node_modules. */
const OWN_REQUIRE = /^const require = createRequire\(import\.meta\.url\);$/m;

/** @type {import('esbuild').Plugin} */
const ourSources = {
  name: 'our sources',
  setup(bundle) {
    bundle.onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (path.includes('node_modules') || !path.startsWith(compiled)) return undefined;
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.dirname')) return undefined;
      // Pages, icons and data stay where the build put them.
      const place = JSON.stringify(`/${relative(folder, dirname(path))}`);
      return {
        contents: text.replaceAll('import.meta.dirname', `(import.meta.dirname + ${place})`),
        resolveDir: dirname(path),
      };
    });
  },
};

/** @type {import('esbuild').Plugin} */
const packages = {
  name: 'packages',
  setup(bundle) {
    // What is not installed stays an import that fails when it is reached: databases that TypeORM could use, parts of Nest.
    bundle.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === packages || path.startsWith('node:')) return undefined;
      const found = await bundle.resolve(path, { ...rest, pluginData: packages });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
    bundle.onLoad({ filter: /[/\\]node_modules[/\\].*\.[cm]?js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      return OWN_REQUIRE.test(text)
        ? { contents: text.replace(OWN_REQUIRE, ''), resolveDir: dirname(path) }
        : undefined;
    });
  },
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const { outputFiles } = await build({
  entryPoints: PROGRAMS.map((name) => join(compiled, `${name}.js`)),
  outdir: folder,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Nest finds providers, and logs name classes, by these names.
  keepNames: true,
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  sourcemap: true,
  sourcesContent: false,
  plugins: [ourSources, packages],
  write: false,
  // For packages in CommonJS.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
  // The compiler plugin of @nestjs/swagger repeats what a property's decorator says.
  logOverride: { 'duplicate-object-key': 'silent' },
});
for (const { path, text } of outputFiles) writeFileSync(path, path.endsWith('.map') ? withoutPackages(text) : text);

/**
 * Takes the packages out of a source map. Stack traces name our sources, and Node does not read megabytes of maps for the first of
 * them.
 * @param {string} map source map as JSON
 * @returns {string}
 */
function withoutPackages(map) {
  const { sources, names, mappings, ...rest } = JSON.parse(map);
  const isOurs = sources.map((/** @type {string} */ source) => !source.includes('node_modules/'));
  const lines = decode(mappings).map((line) => {
    let wasOurs = false;
    return line.flatMap((segment) => {
      const [column, source] = segment;
      const before = wasOurs;
      wasOurs = source !== undefined && isOurs[source];
      if (wasOurs) return [segment];
      // The first that is not ours ends what is.
      return before ? [/** @type {[number]} */ ([column])] : [];
    });
  });
  const ours = sources.map((/** @type {string} */ source, /** @type {number} */ i) => (isOurs[i] ? source : ''));
  return JSON.stringify({ ...rest, sources: ours, names, mappings: encode(lines) });
}
