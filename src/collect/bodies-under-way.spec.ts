import { Registry } from 'prom-client';
import { BodiesUnderWay } from './bodies-under-way.js';

const MIB = 1024 * 1024;
let bodies: BodiesUnderWay;
let registry: Registry;
beforeEach(() => {
  registry = new Registry();
  bodies = new BodiesUnderWay({ registry } as never);
});

const begin = (account: string, count: number): (() => void)[] =>
  Array.from({ length: count }, () => bodies.begin(account, MIB));

test('an account is asked to send fewer once it has 8 MiB under way, and others are not', () => {
  const [first] = begin('a', 8);
  expect(() => bodies.begin('a', MIB)).toThrow(expect.objectContaining({ status: 429, code: 'too_many_at_once' }));
  expect(() => bodies.begin('a', 100)).not.toThrow();
  bodies.begin('b', MIB);
  first!();
  bodies.begin('a', MIB);
});

test('beyond 32 MiB in total every account is asked to retry', async () => {
  const all = ['a', 'b', 'c', 'd'].flatMap((account) => begin(account, 8));
  expect(() => bodies.begin('e', MIB)).toThrow(expect.objectContaining({ status: 503, code: 'too_busy' }));
  expect(await registry.metrics()).toContain(`tallystone_ingest_bytes_under_way ${32 * MIB}`);
  for (const end of all) end();
  expect(await registry.metrics()).toContain('tallystone_ingest_bytes_under_way 0');
  bodies.begin('e', MIB);
});
