import {
  buildEnvironment,
  npmEnvironment,
  packageToolEnvironment,
  productEnvironment,
  serverEnvironment,
  sqlShellEnvironment,
} from './environments.mjs';
import { readFileSync } from 'node:fs';

const explained = [...readFileSync('.env.example', 'utf8').matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(
  ([, name]) => name!,
);
const set = (names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, 'x']));
const everything = set([
  ...explained,
  ...explained.map((name) => `${name}_FILE`),
  ...['PATH', 'HOME', 'LANG', 'TMPDIR', 'LC_ALL', 'HTTPS_PROXY', 'NODE_OPTIONS', 'npm_config_registry', 'EDITOR'],
  ...['AWS_SECRET_ACCESS_KEY', 'GITHUB_TOKEN', 'SSH_AUTH_SOCK', 'MYSQL_PWD', 'REDISCLI_AUTH', 'LD_PRELOAD'],
]);
const ours = (environment: Record<string, string>): string[] =>
  Object.keys(environment).filter((name) => explained.includes(name.replace(/_FILE$/, '')) && name !== 'NODE_ENV');
const secrets = (environment: Record<string, string>): string[] =>
  ours(environment).filter((name) => /SECRET|TOKEN/.test(name));

test('programs that are not ours get no variable of ours', () => {
  const environments = { server: serverEnvironment({}, everything), shell: sqlShellEnvironment({}, everything) };
  const tools = [packageToolEnvironment, npmEnvironment, buildEnvironment].map((of) => of(everything));
  for (const environment of [...Object.values(environments), ...tools]) expect(ours(environment)).toEqual([]);
  expect(Object.keys(environments.server).sort()).toEqual(['HOME', 'LANG', 'PATH', 'TMPDIR']);
});

test('nothing gets the secrets of other programs', () => {
  const environments = [
    ...[packageToolEnvironment, npmEnvironment, buildEnvironment].map((of) => of(everything)),
    ...(['api', 'worker', 'command'] as const).map((role) => productEnvironment(role, everything)),
    serverEnvironment({}, everything),
    sqlShellEnvironment({}, everything),
  ];
  for (const environment of environments) {
    expect(Object.keys(environment)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(AWS|GITHUB|SSH|MYSQL_PWD|REDISCLI|LD_PRELOAD)/)]),
    );
  }
});

test('each process of the product gets the secrets of its role', () => {
  expect(ours(productEnvironment('api', everything)).length).toBe(2 * explained.length - 1);
  expect(secrets(productEnvironment('worker', everything)).sort()).toEqual(['METRICS_TOKEN', 'METRICS_TOKEN_FILE']);
  expect(secrets(productEnvironment('command', everything))).toEqual([]);
  for (const role of ['worker', 'command'] as const) {
    expect(ours(productEnvironment(role, everything))).toEqual(expect.arrayContaining(['DATABASE_URL', 'REDIS_URL']));
  }
});
