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
  ours(environment).filter((name) => /SECRET|TOKEN|PASSWORD|CLICKHOUSE_COPY/.test(name) && !name.endsWith('_FILE'));
/** Of the engine alone, and of who copies. */
const notOfApi = [...explained.filter((name) => /^ENGINE/.test(name)), 'CLICKHOUSE_COPY_URL'];

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
  const apart = new Set(notOfApi.flatMap((name) => [name, `${name}_FILE`]));
  const all = ours(everything).filter((name) => !apart.has(name));
  expect(ours(productEnvironment('api', everything)).sort()).toEqual(all.sort());
  expect(secrets(productEnvironment('worker', everything)).sort()).toEqual(['CLICKHOUSE_COPY_URL', 'METRICS_TOKEN']);
  expect(secrets(productEnvironment('command', everything))).toEqual(['CLICKHOUSE_COPY_URL']);
  for (const role of ['worker', 'command'] as const) {
    const services = ['DATABASE_URL', 'REDIS_URL', 'CLICKHOUSE_URL'];
    expect(ours(productEnvironment(role, everything))).toEqual(expect.arrayContaining(services));
  }
});

test('the engine gets its own passwords, and no other secret or service', () => {
  const environment = productEnvironment('engine', { ...everything, UV_THREADPOOL_SIZE: '12' });
  expect(secrets(environment).sort()).toEqual(['ENGINE_COPY_PASSWORD', 'ENGINE_QUESTION_PASSWORD']);
  expect(ours(environment)).toEqual(expect.arrayContaining(['DATA_DIR', 'ENGINE_MEMORY', 'ENGINE_PORT', 'LOG_LEVEL']));
  expect(Object.keys(environment)).toContain('UV_THREADPOOL_SIZE');
  expect(ours(environment).filter((name) => /_URL/.test(name))).toEqual([]);
});
