/** The import rules of docs/architecture.md: one direction, and rooms that do not know each other. */
const ROOMS =
  '(account-limits|accounts|analytics|api-docs|api-keys|apps|audit-log|auth|bodies|buffer|collect|dashboard|dead-letters|erasures|health|metrics|operation|people|processing|questions|registry|tracker)';
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'collect-never-touches-mysql',
      comment: 'Acceptance answers when Redis has fsynced; MySQL must not be in its way.',
      severity: 'error',
      from: { path: '^src/collect/' },
      to: { path: ['^src/database/', 'node_modules/(typeorm|mysql2|@nestjs/typeorm)/'] },
    },
    {
      name: 'collect-knows-no-other-end',
      severity: 'error',
      from: { path: '^src/collect/' },
      to: { path: '^src/(processing|analytics|questions|auth|apps)/' },
    },
    {
      name: 'analytics-only-asks',
      severity: 'error',
      from: { path: '^src/analytics/' },
      to: { path: ['^src/(collect|processing)/', 'node_modules/(bullmq|@nestjs/bullmq)/'] },
    },
    {
      name: 'processing-serves-nobody',
      severity: 'error',
      from: { path: '^src/processing/' },
      to: {
        path: '^src/(collect|analytics|dead-letters|people|erasures|audit-log|accounts|auth|apps|api-keys|operation|api-docs)/',
      },
    },
    {
      name: 'wire-contract-is-pure',
      comment: 'events/ is plain TypeScript: no framework, nothing of ours but itself.',
      severity: 'error',
      from: { path: '^src/events/', pathNot: '\\.spec\\.ts$' },
      to: { path: ['^src/(?!events/)', 'node_modules/'] },
    },
    {
      name: 'bodies-know-no-route',
      comment: 'What a route asks of a body comes from the route (body-rules.ts).',
      severity: 'error',
      from: { path: '^src/bodies/' },
      to: { path: '^src/(collect|api-keys|auth)/' },
    },
    {
      name: 'ground-floor',
      comment: 'config, common, events and database know none of the rooms above them.',
      severity: 'error',
      from: { path: '^src/(config|common|events|database)/' },
      to: { path: `^src/${ROOMS}/` },
    },
    {
      name: 'product-never-imports-tests-or-scripts',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: ['^(test|scripts)/', '\\.spec\\.ts$'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    webpackConfig: { fileName: '.dependency-cruiser-resolve.mjs' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.d.ts'],
    },
  },
};
