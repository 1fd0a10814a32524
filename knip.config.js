import { readFileSync } from 'node:fs';

/** Scripts and benchmarks that package.json starts. */
const STARTED = readFileSync(new URL('package.json', import.meta.url), 'utf8').match(/\b(scripts|bench)\/[\w-]+\.mjs/g);

/** @type {import('knip').KnipConfig} */
export default {
  // What is started, or loaded by a page or by a flag of Node: nothing imports it. Each file is listed by its name, so that a
  // file nobody uses is noticed.
  entry: [
    ...new Set(STARTED),
    'src/{main,worker,engine,migrate,accounts,audit-counts,dead-letters,projection}.ts',
    'src/api-docs/page/{page,theme}.js',
    'scripts/{lint-openapi,load-release-fixture,make-release-fixture,try-systems}.mjs',
    'scripts/systems/serve-once.mjs',
    'bench/profile.mjs',
    'bench/floors/{bare-fastify,empty-app}.mjs',
    'bench/abuse/bystander-process.mjs',
    'test/faults/{broken-copy,broken-copy-hooks,crash-points,naive-drain,run-services}.mjs',
    'test/security/registered-routes.mjs',
    'test/support/shifted-clock.mjs',
    'test/tiny-format.mjs',
    'tracker/{t,extra}.ts',
    '.dependency-cruiser-resolve.mjs',
  ],
  project: ['{src,migrations,scripts,bench,test,tracker,web}/**/*.{ts,tsx,mjs,js}', '*.{mjs,cjs,js}'],
  includeEntryExports: true,
  ignoreExportsUsedInFile: true,
  treatConfigHintsAsErrors: true,
  // Found by their path, which no import states.
  ignoreDependencies: ['@hey-api/openapi-ts', 'c8', 'swagger-ui-dist'],
  // Installed by the operating system.
  ignoreBinaries: ['systemd-analyze', 'prlimit', 'apt-get', 'mount', 'umount'],
  ignoreIssues: {
    // Made by openapi-typescript.
    'web/src/api-types.ts': ['types'],
    // Node calls them.
    'test/faults/broken-copy-hooks.mjs': ['exports'],
    // t.js imports it by its address.
    'tracker/extra.ts': ['exports'],
    // .dependency-cruiser.cjs names it.
    '.dependency-cruiser-resolve.mjs': ['exports'],
  },
};
