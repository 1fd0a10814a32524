/** A source that breaks a rule, and the rule. */
export interface BrokenRule {
  rule: string;
  /** Which of a rule's cases it is, where the rule has several: part of its message. */
  says?: string;
  file: string;
  source: string;
}

/** Sources that others import. */
export const IMPORTED: Record<string, string> = {
  'src/main.ts': 'export const main = 1;',
  'src/room-of-nobody/one.ts': 'export const one = 1;',
  'migrations/1-first.ts': 'export const first = 1;',
  'scripts/tool.mjs': 'export const tool = 1;',
  'bench/measure.mjs': 'export const measure = 1;',
  'test/support/tool.ts': 'export const tool = 1;',
  'test/one.spec.ts': 'export const one = 1;',
  'web/src/page.tsx': 'export const page = 1;',
  'tracker/t.ts': 'export const t = 1;',
  'web/src/second.tsx': "import type { first } from './first.js';",
  'web/src/one/needed.ts': 'export const one = 1;',
  'web/src/two/needed.ts': 'export const two = 2;',
  'web/src/one/needs-two.ts': "import '../two/needed.js';",
  'web/src/two/needs-one.ts': "import '../one/needed.js';",
};

/** One for each import rule. The rules on the order of rooms are made from the list of rooms. */
export const BROKEN_IMPORT_RULES: BrokenRule[] = [
  { rule: 'no-circles', file: 'web/src/first.tsx', source: "import './second.js'; export const first = 1;" },
  // For a rule about folders the report names the folder.
  { rule: 'no-circles-of-folders', file: 'web/src/one', source: '' },
  { rule: 'rooms-are-listed', file: 'src/apps/unlisted.ts', source: "import '../room-of-nobody/one.js';" },
  { rule: 'rooms-know-no-process', file: 'src/apps/process.ts', source: "import '../main.js';" },
  { rule: 'wire-contract-is-pure', file: 'src/events/framework.ts', source: "import '@nestjs/common';" },
  { rule: 'derivation-is-pure', file: 'src/read-model/derive/live.ts', source: "import '../../database/room.js';" },
  { rule: 'collect-never-touches-mysql', file: 'src/collect/typeorm.ts', source: "import 'typeorm';" },
  { rule: 'collect-never-touches-mysql', file: 'src/collect/rows.ts', source: "import '../database/room.js';" },
  { rule: 'collect-only-accepts', file: 'src/collect/keys.ts', source: "import '../api-keys/room.js';" },
  { rule: 'processing-serves-nobody', file: 'src/processing/caller.ts', source: "import '../access/room.js';" },
  { rule: 'answers-come-from-the-database', file: 'src/analytics/write.ts', source: "import '../processing/room.js';" },
  { rule: 'answers-come-from-the-database', file: 'src/people/write.ts', source: "import '../collect/room.js';" },
  { rule: 'analytics-only-asks', file: 'src/analytics/queue.ts', source: "import 'bullmq';" },
  { rule: 'migrations-are-frozen', file: 'migrations/2-live.ts', source: "import '../src/database/room.js';" },
  { rule: 'migrations-have-one-list', file: 'src/database/other.ts', source: "import '../../migrations/1-first.js';" },
  { rule: 'browsers-load-no-server-code', file: 'web/src/server.ts', source: "import '../../src/events/room.js';" },
  { rule: 'browsers-load-no-server-code', file: 'tracker/server.ts', source: "import '../src/events/room.js';" },
  { rule: 'pages-and-script-are-apart', file: 'web/src/script.ts', source: "import '../../tracker/t.js';" },
  { rule: 'product-imports-no-tools', file: 'src/common/tool.ts', source: "import '../../scripts/tool.mjs';" },
  { rule: 'product-imports-no-tools', file: 'src/common/page.ts', source: "import '../../web/src/page.js';" },
  { rule: 'product-needs-no-dev-dependency', file: 'src/common/dev.ts', source: "import 'esbuild';" },
  { rule: 'product-needs-no-dev-dependency', file: 'migrations/3-dev.ts', source: "import 'fast-check';" },
  { rule: 'unit-tests-use-plain-support', file: 'src/apps/a.spec.ts', source: "import '../../test/support/tool.js';" },
  { rule: 'tools-import-no-tests', file: 'bench/tested.mjs', source: "import '../test/support/tool.js';" },
  { rule: 'scripts-import-no-bench', file: 'scripts/measures.mjs', source: "import '../bench/measure.mjs';" },
  { rule: 'nobody-imports-a-spec', file: 'test/support/spec.ts', source: "import '../one.spec.js';" },
  { rule: 'resolvable', file: 'scripts/nowhere.mjs', source: "import './nowhere-at-all.mjs';" },
];

/** One for each lint rule that is ours, and for those that we switched on. */
export const BROKEN_LINT_RULES: BrokenRule[] = [
  {
    rule: '@typescript-eslint/no-floating-promises',
    file: 'src/apps/floating.ts',
    source: 'const work = async () => 1;\nwork();',
  },
  {
    rule: '@typescript-eslint/no-misused-promises',
    file: 'src/apps/misused.ts',
    source: 'const work = async () => true;\nif (work()) process.exit(0);',
  },
  { rule: '@typescript-eslint/await-thenable', file: 'src/apps/thenable.ts', source: 'await 1;\nexport {};' },
  {
    rule: 'no-restricted-syntax',
    says: 'Only config/ reads process.env',
    file: 'src/apps/env.ts',
    source: 'export const port = process.env.PORT;',
  },
  {
    rule: 'no-restricted-syntax',
    says: 'Write the condition as an object literal',
    file: 'src/apps/criteria.ts',
    source: 'export const all = (rows: { findBy(where: unknown): unknown }, ids: unknown[]) => rows.findBy(ids);',
  },
  {
    rule: 'no-restricted-syntax',
    says: 'Write the condition as an object literal',
    file: 'src/apps/where.ts',
    source: 'export const all = (where: unknown[]) => ({ where: where.slice(1) });',
  },
  {
    rule: 'no-restricted-syntax',
    says: 'Use binaries()',
    file: 'src/apps/binaries.ts',
    source: 'export const all = (ids: string[], binary: (id: string) => Buffer) => ids.map(binary);',
  },
  {
    rule: 'no-restricted-syntax',
    says: 'Only what every module needs is global',
    file: 'src/apps/dynamic.module.ts',
    source: 'export const apps = { module: Object, global: true };',
  },
  {
    rule: 'no-restricted-imports',
    says: 'Only what every module needs is global',
    file: 'src/apps/apps.module.ts',
    source: "export { Global } from '@nestjs/common';",
  },
  ...['src/analytics/own-way.ts', 'src/people/person-export.ts'].map((file) => ({
    rule: 'no-restricted-imports',
    says: 'Ask through Questions',
    file,
    source: "export { DataSource } from 'typeorm';",
  })),
  {
    rule: 'no-restricted-imports',
    says: 'Ask through Questions',
    file: 'src/analytics/own-rows.ts',
    source: "export { InjectRepository } from '@nestjs/typeorm';",
  },
  ...['src/apps', 'src/analytics', 'src/config/config.module.ts'].map((place) => ({
    rule: 'no-restricted-imports',
    says: 'Use PeriodicTask',
    file: place.endsWith('.ts') ? place : `${place}/imported-timer.ts`,
    source: "export { setInterval } from 'node:timers';",
  })),
  {
    rule: 'no-restricted-globals',
    says: 'Use PeriodicTask',
    file: 'src/apps/timer.ts',
    source: 'export const timer = setInterval(() => {}, 1);',
  },
  {
    rule: 'no-restricted-properties',
    says: 'Use PeriodicTask',
    file: 'src/apps/global-timer.ts',
    source: 'export const timer = globalThis.setInterval(() => {}, 1);',
  },
  ...['src/apps/hidden.ts', 'src/config/hidden.ts', 'scripts/hidden.mjs', 'src/api-docs/page/hidden.js'].map(
    (file) => ({
      rule: 'no-restricted-syntax',
      says: 'Import your own files',
      file,
      source:
        "import { createRequire } from 'node:module';\nexport default createRequire(import.meta.url)('../auth/room.js');",
    }),
  ),
  {
    rule: 'no-restricted-syntax',
    says: 'Import your own files',
    file: 'bench/hidden.mjs',
    source:
      "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\nexport default require(`./${'measure'}.mjs`);",
  },
  { rule: 'no-undef', file: 'scripts/undefined.mjs', source: 'export const page = document.title;' },
  { rule: '@typescript-eslint/no-unused-vars', file: 'web/src/unused.ts', source: 'const unused = 1;\nexport {};' },
  { rule: '@typescript-eslint/no-explicit-any', file: 'tracker/any.ts', source: 'export const one: any = 1;' },
];

/** Files that nothing uses: what knip calls each, where it finds it. */
export const UNUSED: { kind: 'files' | 'exports' | 'dependencies' | 'unlisted'; file: string; source: string }[] = [
  ...['scripts', 'bench', 'bench/abuse/attacks', 'test/faults', 'web/src', 'src/apps'].map((folder) => ({
    kind: 'files' as const,
    file: `${folder}/leftover.${/web|src/.test(folder) ? 'ts' : 'mjs'}`,
    source: 'export const leftover = 1;',
  })),
  { kind: 'files', file: 'test/support/leftover.ts', source: 'export const leftover = 1;' },
  { kind: 'files', file: 'test/support/leftover.mjs', source: 'export const leftover = 1;' },
  // Of files that are started, too.
  { kind: 'exports', file: 'src/worker.ts', source: 'export const leftover = 1;' },
  { kind: 'exports', file: 'scripts/start.mjs', source: 'export const leftover = 1;' },
  { kind: 'unlisted', file: 'scripts/demo.mjs', source: "import 'left-pad';" },
  { kind: 'dependencies', file: 'package.json', source: '' },
];
