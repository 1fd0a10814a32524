/**
 * The import rules of docs/architecture.md. `npm run imports` applies them to everything we write; test/rules.spec.ts breaks
 * each of them once, so a rule that no longer matches anything is noticed. A new rule needs a case there.
 */

/** The rooms of src/ in order: a room may import the rooms before it, never one after it. So rooms form no circle. */
const ROOMS = [
  'events',
  'config',
  'common',
  'database',
  'engine',
  'buffer',
  'metrics',
  'read-model',
  'registry',
  'bodies',
  'questions',
  'account-limits',
  'access',
  'audit-log',
  'erasures',
  'api-keys',
  'apps',
  'auth',
  'operation',
  'accounts',
  'collect',
  'processing',
  'analytics',
  'people',
  'dead-letters',
  'health',
  'tracker',
  'dashboard',
  'api-docs',
];
/** What a worker is made of, beside processing/ itself. */
const WORKER_ROOMS = ['events', 'config', 'common', 'database', 'buffer', 'metrics', 'read-model', 'processing'];
const any = (names) => `(${names.join('|')})`;
const SPEC = '\\.(e2e-)?spec\\.ts$';

/** Each is an error. */
const RULES = [
  { name: 'no-circles', from: {}, to: { circular: true } },
  {
    name: 'no-circles-of-folders',
    comment: 'A folder and the folders inside it are one; folders beside each other must not need each other.',
    scope: 'folder',
    from: {},
    to: { circular: true },
  },
  ...ROOMS.slice(0, -1).map((room, place) => ({
    name: `room-order-${room}`,
    comment: `${room}/ may import only the rooms before it in ROOMS (.dependency-cruiser.cjs).`,
    from: { path: `^src/${room}/` },
    to: { path: `^src/${any(ROOMS.slice(place + 1))}/` },
  })),
  {
    name: 'rooms-are-listed',
    comment: 'Give a new room its place in ROOMS (.dependency-cruiser.cjs).',
    from: {},
    to: { path: '^src/[^/]+/', pathNot: `^src/${any(ROOMS)}/` },
  },
  {
    name: 'rooms-know-no-process',
    comment: 'The files of src/ itself start a process or put rooms together; no room imports them.',
    from: { path: '^src/[^/]+/' },
    to: { path: '^src/[^/]+\\.ts$' },
  },
  {
    name: 'wire-contract-is-pure',
    comment: 'events/ is plain TypeScript: no framework, nothing of ours but itself.',
    from: { path: '^src/events/', pathNot: SPEC },
    to: { path: ['^src/(?!events/)', 'node_modules/'] },
  },
  {
    name: 'derivation-is-pure',
    comment: 'What is derived from a stored event depends on the event alone, or a rebuild would give other values.',
    from: { path: '^src/read-model/derive/', pathNot: SPEC },
    to: { path: '^src/(?!(events|common|read-model/derive)/)' },
  },
  {
    name: 'collect-never-touches-mysql',
    comment: 'Acceptance answers when Redis has fsynced; MySQL must not be in its way.',
    from: { path: '^src/collect/' },
    to: { path: ['^src/database/', 'node_modules/(typeorm|mysql2|@nestjs/typeorm)/'] },
  },
  {
    name: 'collect-only-accepts',
    comment: 'collect → buffer → processing → analytics: these meet in the buffer and in the database, not in code.',
    from: { path: '^src/collect/' },
    to: { path: '^src/(processing|analytics|questions|auth|apps|api-keys)/' },
  },
  {
    name: 'processing-serves-nobody',
    comment: 'A worker answers no requests, so it knows nothing of callers or questions.',
    from: { path: '^src/processing/' },
    to: { path: `^src/${any(ROOMS.filter((room) => !WORKER_ROOMS.includes(room)))}/` },
  },
  {
    name: 'answers-come-from-the-database',
    comment: 'Rooms that answer requests meet collect and processing in the buffer and in the database, not in code.',
    from: { path: '^src/(analytics|people|dead-letters|health|accounts|operation)/' },
    to: { path: '^src/(collect|processing)/' },
  },
  {
    name: 'analytics-only-asks',
    from: { path: '^src/analytics/' },
    to: { path: 'node_modules/(bullmq|@nestjs/bullmq)/' },
  },
  {
    name: 'migrations-are-frozen',
    comment: 'A migration keeps a copy of what it needs: code that changes later would change what it once did.',
    from: { path: '^migrations/', pathNot: SPEC },
    to: { path: '^(src|scripts|bench|test|web|tracker)/' },
  },
  {
    name: 'migrations-have-one-list',
    from: { pathNot: ['^src/database/migrations\\.ts$', '^(test|migrations)/'] },
    to: { path: '^migrations/' },
  },
  {
    name: 'browsers-load-no-server-code',
    comment: 'The pages and the browser script know the API alone; web/src/api-types.ts is made from its document.',
    from: { path: '^(web|tracker)/' },
    to: { path: '^(src|migrations|scripts|bench|test)/' },
  },
  {
    name: 'pages-and-script-are-apart',
    from: { path: '^(web|tracker)/' },
    to: { path: '^(web|tracker)/', pathNot: '^$1/' },
  },
  {
    name: 'product-imports-no-tools',
    from: { path: '^src/', pathNot: SPEC },
    to: { path: '^(test|scripts|bench|web|tracker)/' },
  },
  {
    name: 'product-needs-no-dev-dependency',
    comment: 'An installation for production lacks devDependencies. Types alone are compiled away.',
    from: { path: '^(src|migrations)/', pathNot: SPEC },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
  },
  {
    name: 'unit-tests-use-plain-support',
    comment: 'A spec beside its file runs without services.',
    from: { path: `^(src|scripts|migrations)/.*${SPEC}` },
    to: { path: '^(test|bench|web|tracker)/', pathNot: '^test/(plain/|support/until\\.ts$)' },
  },
  {
    name: 'tools-import-no-tests',
    from: { path: '^(scripts|bench)/', pathNot: SPEC },
    to: { path: '^(test|web|tracker)/' },
  },
  { name: 'scripts-import-no-bench', from: { path: '^scripts/' }, to: { path: '^bench/' } },
  { name: 'nobody-imports-a-spec', from: {}, to: { path: SPEC } },
  { name: 'resolvable', from: {}, to: { couldNotResolve: true } },
];

module.exports = {
  forbidden: RULES.map((rule) => ({ severity: 'error', ...rule })),
  options: {
    doNotFollow: { path: 'node_modules' },
    webpackConfig: { fileName: '.dependency-cruiser-resolve.mjs' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.d.ts'],
    },
  },
};
