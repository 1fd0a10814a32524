import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const PERIODIC = 'Use PeriodicTask (src/common/periodic-task.ts).';
const IN_TURN = 'Ask through Questions, in turn.';

/** The forms of setInterval that are imported. */
const TIMERS = ['node:timers', 'timers', 'node:timers/promises', 'timers/promises'].map((name) => ({
  name,
  importNames: ['setInterval'],
  message: PERIODIC,
}));
const GLOBAL_MODULE = {
  name: '@nestjs/common',
  importNames: ['Global'],
  message:
    'Import the module where it is used. Only what every module needs is global (docs/adr/0024-rooms-in-order.md).',
};
/** Modules that may be global. */
const INFRASTRUCTURE = [
  'src/config/config.module.ts',
  'src/common/logger.module.ts',
  'src/common/redis.module.ts',
  'src/database/database.module.ts',
  'src/metrics/metrics.module.ts',
];

/**
 * The last block that names a file replaces the rule of earlier ones, so each block lists everything that its files may not import.
 * @returns {import('eslint').Linter.RulesRecord}
 */
const restrictedImports = (...paths) => ({ 'no-restricted-imports': ['error', { paths }] });

const BY_NAME = ["CallExpression[callee.name='require']", "CallExpression[callee.callee.name='createRequire']"];
const BY_PATH = ['Literal.arguments[value=/^[.]/]', 'TemplateLiteral.arguments[quasis.0.value.raw=/^[.]/]'];
/** Forbids `createRequire(…)('../room/file.js')`: the import rules would not see it. */
const NO_HIDDEN_IMPORT = {
  selector: `:matches(${BY_NAME.join()}) > :matches(${BY_PATH.join()})`,
  message: 'Import your own files: the import rules do not see what require loads.',
};

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.data/**', 'coverage/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'migrations/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'off', // Nest needs the runtime import for injection
      'no-restricted-syntax': [
        'error',
        NO_HIDDEN_IMPORT,
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'Only config/ reads process.env; inject Env instead.',
        },
        {
          // An empty array as criteria is no condition at all: the whole table is read, of every tenant.
          selector:
            'CallExpression[callee.property.name=/^(find|findOne|findAndCount|count|exists|sum|average|minimum|maximum)By(OrFail)?$/]:not(:has(> ObjectExpression.arguments))',
          message: 'Write the condition as an object literal: TypeORM reads an empty array as no condition.',
        },
        {
          selector: "Property[key.name='where'][value.type!='ObjectExpression']",
          message: 'Write the condition as an object literal: TypeORM reads an empty array as no condition.',
        },
        {
          selector: "CallExpression[callee.property.name='map'][arguments.0.name='binary']",
          message: 'Use binaries(): it refuses an empty list.',
        },
        {
          selector:
            "ObjectExpression:has(> Property[key.name='module']) > Property[key.name='global'][value.value=true]",
          message: GLOBAL_MODULE.message,
        },
      ],
    },
  },
  {
    files: ['tracker/**/*.ts', 'web/**/*.{ts,tsx}'],
    languageOptions: {
      parserOptions: { project: ['tracker/tsconfig.json', 'web/tsconfig.json'], projectService: false },
    },
  },
  {
    files: ['src/config/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts', '**/*.mjs', '**/*.cjs', '**/*.js'],
    rules: { 'no-restricted-syntax': ['error', NO_HIDDEN_IMPORT] },
  },
  {
    // A timer of its own would overlap its runs, or not be waited for on shutdown.
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'setInterval', message: PERIODIC }],
      'no-restricted-properties': [
        'error',
        ...['globalThis', 'global'].map((object) => ({ object, property: 'setInterval', message: PERIODIC })),
      ],
      ...restrictedImports(...TIMERS, GLOBAL_MODULE),
    },
  },
  { files: INFRASTRUCTURE, rules: restrictedImports(...TIMERS) },
  {
    files: ['src/analytics/**/*.ts', 'src/people/person-export.ts'],
    rules: restrictedImports(
      ...TIMERS,
      GLOBAL_MODULE,
      { name: 'typeorm', importNames: ['DataSource', 'Repository'], message: IN_TURN },
      { name: '@nestjs/typeorm', message: IN_TURN },
    ),
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        'process console Buffer URL URLSearchParams fetch setTimeout clearTimeout setInterval clearInterval setImmediate AbortSignal AbortController module require performance structuredClone TextDecoder TextEncoder'
          .split(' ')
          .map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['src/api-docs/page/**/*.js'],
    languageOptions: {
      globals: {
        window: 'readonly',
        document: 'readonly',
        Element: 'readonly',
        location: 'readonly',
        sessionStorage: 'readonly',
        localStorage: 'readonly',
        history: 'readonly',
        navigator: 'readonly',
      },
    },
  },
);
