import { Histogram, Registry } from 'prom-client';
import { PlainHistogram } from './plain-histogram.js';

const BUCKETS = [0.5, 1, 2.5];
const observed: ['a' | 'b', number][] = [
  ['a', 0.1],
  ['b', 0.5],
  ['a', 0.75],
  ['b', 1],
  ['a', 2],
  ['b', 7],
  ['a', 2.5],
];

test('tells what prom-client’s own histogram tells of the same observations', async () => {
  const [plain, own] = [new Registry(), new Registry()];
  const about = { name: 'x_seconds', help: 'What takes time', buckets: BUCKETS };
  const ours = new PlainHistogram({ ...about, registers: [plain] }, 'step', ['a', 'b']);
  const theirs = new Histogram({ ...about, labelNames: ['step'], registers: [own] });
  for (const step of ['a', 'b']) theirs.zero({ step });
  expect(await plain.metrics()).toBe(await own.metrics());
  for (const [step, value] of observed) {
    ours.tally(step, value);
    theirs.observe({ step }, value);
  }
  expect(await plain.metrics()).toBe(await own.metrics());
  expect(await plain.getMetricsAsJSON()).toHaveLength(1);
});
