import { readFileSync } from 'node:fs';
import { nodeRefusal, nodeWarning } from './node-support.mjs';

it.each(['22.12.0', '22.23.3', '24.0.0', '24.21.0', '26.1.0'])('Node %s is taken without a word', (version) => {
  expect([nodeRefusal(version), nodeWarning(version)]).toEqual([undefined, undefined]);
});

it.each(['20.19.0', '20.20.2', '21.7.0', '22.11.0', '23.1.0'])('Node %s is taken with a warning', (version) => {
  expect(nodeRefusal(version)).toBeUndefined();
  expect(nodeWarning(version)).toMatch(`Node ${version}`);
});

it.each(['16.20.2', '18.20.0', '20.18.3'])(
  'Node %s is refused, with the command that starts on a newer one',
  (version) => {
    expect(nodeRefusal(version)).toContain('\n\n  npx -y node@24 scripts/start.mjs\n\n');
    expect(nodeWarning(version)).toBeUndefined();
  },
);

test('package.json and the README state the same versions', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe('^22.12.0 || >=24.0.0');
  const readme = readFileSync('README.md', 'utf8');
  expect(readme).toMatch(/Node 24 or 22 \(22\.12 or newer\)/);
  expect(readme).toMatch(/Node 20\.19/);
});
