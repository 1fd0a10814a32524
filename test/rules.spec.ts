import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import importRules from '../.dependency-cruiser.cjs';
import { BROKEN_IMPORT_RULES, BROKEN_LINT_RULES, type BrokenRule, IMPORTED, UNUSED } from './support/broken-rules.js';

const ROOT = resolve(__dirname, '..');
const PROGRAMS = {
  depcruise: 'dependency-cruiser/bin/dependency-cruise.mjs',
  eslint: 'eslint/bin/eslint.js',
  knip: 'knip/bin/knip.js',
};
const RULE_FILES = [
  ...[
    '.dependency-cruiser.cjs',
    '.dependency-cruiser-resolve.mjs',
    'eslint.config.mjs',
    'knip.config.js',
    'jest.config.mjs',
  ],
  ...['tsconfig.json', 'web/tsconfig.json', 'tracker/tsconfig.json', 'package.json'],
];
const TSCONFIGS = [
  'tsconfig.json',
  'tsconfig.scripts.json',
  'tsconfig.api-docs.json',
  'web/tsconfig.json',
  'tracker/tsconfig.json',
];

interface ImportRule {
  name: string;
  to: { path?: string | string[] };
}

/** Every rule is broken once, and what it names must be there: a rule that matches nothing any more is noticed. */
describe('the rules that npm run check applies', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-rules-'));
  const forbidden = importRules.forbidden as ImportRule[];
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const tooFar: BrokenRule[] = forbidden
    .filter(({ name }) => name.startsWith('room-order-'))
    .map(({ name, to }) => {
      const next = /^\^src\/\((.+?)[|)]/.exec(String(to.path))![1];
      const file = `src/${name.slice('room-order-'.length)}/too-far.ts`;
      return { rule: name, file, source: `import '../${next}/room.js';` };
    });
  const brokenImportRules = [...BROKEN_IMPORT_RULES, ...tooFar];

  beforeAll(() => {
    for (const file of RULE_FILES) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(ROOT, file), join(folder, file));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    for (const { source } of brokenImportRules) {
      const room = /'\.\.\/(?:\.\.\/src\/)?([\w-]+)\/room\.js'/.exec(source)?.[1];
      if (room) write(`src/${room}/room.ts`, 'export const room = 1;');
    }
    for (const [file, source] of Object.entries(IMPORTED)) write(file, source);
    for (const { file, source } of [...brokenImportRules, ...BROKEN_LINT_RULES, ...UNUSED]) {
      if (source) write(file, source);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function write(file: string, source: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${source}\n`);
  }

  test('import rules', async () => {
    const [, ...args] = scripts.imports!.split(' ');
    const report = JSON.parse(await output('depcruise', [...args, '--output-type', 'json'])) as {
      summary: { violations: { from: string; rule: { name: string } }[] };
    };
    const found = new Set(report.summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    expect(brokenImportRules.map(({ rule, file }) => `${rule}: ${file}`).filter((one) => !found.has(one))).toEqual([]);
    const broken = new Set(brokenImportRules.map(({ rule }) => rule));
    expect(forbidden.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
  });

  test('lint rules', async () => {
    type Message = { ruleId: string; message: string };
    const report = JSON.parse(await output('eslint', ['.', '--format', 'json'])) as {
      filePath: string;
      messages: Message[];
    }[];
    const isFound = ({ rule, says = '', file }: BrokenRule): boolean =>
      report
        .filter(({ filePath }) => filePath.endsWith(`/${file}`))
        .some(({ messages }) => messages.some(({ ruleId, message }) => ruleId === rule && message.includes(says)));
    expect(BROKEN_LINT_RULES.filter((broken) => !isFound(broken))).toEqual([]);
  });

  test('nothing is unused', async () => {
    const [, ...args] = scripts.unused!.split(' ');
    type Found = { file: string } & Record<(typeof UNUSED)[number]['kind'], unknown[]>;
    const { issues } = JSON.parse(await output('knip', [...args, '--reporter', 'json'])) as { issues: Found[] };
    const isFound = ({ kind, file }: (typeof UNUSED)[number]): boolean =>
      issues.some((found) => found.file === file && found[kind].length > 0);
    expect(UNUSED.filter((unused) => !isFound(unused))).toEqual([]);
  });

  test('name folders and files that are there', () => {
    const rooms = [...JSON.stringify(forbidden).matchAll(/\^src\/\(?(?:\?!)?([\w|-]+)\)?\//g)].flatMap(([, names]) =>
      names!.split('|'),
    );
    const lint = readFileSync(join(ROOT, 'eslint.config.mjs'), 'utf8');
    const files = [...lint.matchAll(/'(src\/[\w./-]+\.ts)'/g)].map(([, file]) => file!);
    expect(new Set(rooms).size).toBeGreaterThan(25);
    expect(files.length).toBeGreaterThan(3);
    const named = [...rooms.map((room) => `src/${room}`), ...files];
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('all of them', () => {
    const types = ['types:server', 'types:scripts', 'types:web', 'types:tracker'];
    const parts = ['lint', 'imports', 'format', ...types, 'unused', 'api-diff'];
    expect(scripts.check!.split(' ').slice(2).sort()).toEqual([...parts].sort());
    expect(readFileSync(join(ROOT, '.ci', 'run'), 'utf8')).toMatch(/npm test$/m);
    expect(scripts.test).toBe('node scripts/test.mjs');
    expect(readFileSync(join(ROOT, 'scripts', 'test.mjs'), 'utf8')).toMatch(
      /^ {2}if \(runsEverything\) await check\(\);$/m,
    );
  });

  test('are as strict as they say', () => {
    expect(TSCONFIGS.map((tsconfig) => parsed(tsconfig).options.strict)).toEqual(TSCONFIGS.map(() => true));
    // Off in the other scripts. A folder that is in here stays.
    const { options, raw } = parsed('tsconfig.scripts-strict.json');
    expect([options.noImplicitAny, scripts['types:scripts']]).toEqual([true, expect.stringContaining('-strict.json')]);
    expect((raw as { include: string[] }).include).toEqual(
      expect.arrayContaining(['scripts/api-diff/*.mjs', 'scripts/client/*.mjs']),
    );
    // What Prettier leaves alone is made by programs.
    expect(ignoredBy('.prettierignore').filter((pattern) => /\.(md|ts|mjs)$|\*/.test(pattern))).toEqual([
      'bench/RESULTS.md',
    ]);
    const knip = readFileSync(join(ROOT, 'knip.config.js'), 'utf8');
    expect(knip).not.toMatch(/\b(rules|exclude|include):/);
  });

  test('every source file is of a project whose types are checked', () => {
    const checked = new Set(TSCONFIGS.flatMap((tsconfig) => parsed(tsconfig).fileNames));
    const ours = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
    const sources = ours
      .toString()
      .split('\n')
      .filter((file) => /\.(tsx?|[mc]?js)$/.test(file) && existsSync(join(ROOT, file)));
    expect(sources.length).toBeGreaterThan(500);
    expect(sources.filter((file) => !checked.has(join(ROOT, file)))).toEqual([]);
  });

  function ignoredBy(file: string): string[] {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
    return lines.filter((line) => line && !line.startsWith('#'));
  }

  function parsed(tsconfig: string): ts.ParsedCommandLine {
    const { config } = ts.readConfigFile(join(ROOT, tsconfig), (file) => ts.sys.readFile(file));
    return ts.parseJsonConfigFileContent(config, ts.sys, dirname(join(ROOT, tsconfig)));
  }

  /** Each ends with an error: there is something to report. */
  function output(program: keyof typeof PROGRAMS, args: string[]): Promise<string> {
    const file = join(ROOT, 'node_modules', PROGRAMS[program]);
    return new Promise((done, reject) => {
      const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, [file, ...args], options, (_error, stdout, stderr) =>
        stdout ? done(stdout) : reject(new Error(stderr)),
      );
    });
  }
});
