import { defineConfig } from 'vite';

/** The dashboard, served by the API process from dist/web. */
export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing inlined: the CSP takes scripts and styles of our own origin alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
