import { setTimeout as wait } from 'node:timers/promises';
import { EXPORT_SHARE, ExportPace } from './export-pace.js';

/** Takes a while, as an event with much metadata does. */
function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('exports together take their share of the time, a few ms at once, and write every item once and in order', async () => {
  const pace = new ExportPace();
  let spent = 0;
  const write = (item: number) => {
    const begun = performance.now();
    busy(0.5);
    spent += performance.now() - begun;
    return item % 7 === 3 ? undefined : String(item);
  };
  const items = Array.from({ length: 30 }, (_none, i) => i);
  const order: number[] = [];
  const all = async (name: number): Promise<string[]> => {
    const pieces: string[] = [];
    for await (const piece of pace.pieces(items, write, ',')) {
      pieces.push(piece);
      order.push(name);
    }
    return pieces;
  };
  let [turns, over] = [0, false];
  const others = async (): Promise<void> => {
    for (; !over; turns += 1) await wait(5);
  };
  const othersEnd = others();
  const begun = performance.now();
  const written = await Promise.all([0, 1, 2].map(all));
  const tookMs = performance.now() - begun;
  over = true;
  await othersEnd;
  // The pause after the last piece is not waited for.
  expect(tookMs).toBeGreaterThan((spent * 0.8) / EXPORT_SHARE);
  for (const pieces of written) {
    expect(pieces.join(',')).toBe(items.filter((item) => item % 7 !== 3).join(','));
    expect(Math.max(...pieces.map((piece) => piece.split(',').length))).toBeLessThanOrEqual(5);
  }
  // They take turns, and others go on in between.
  expect(order.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(turns).toBeGreaterThan(10);
});

test('a piece holds about 64 KiB, and an item that throws ends its own export alone', async () => {
  const pace = new ExportPace();
  const lengths: number[] = [];
  for await (const piece of pace.pieces(Array<string>(40).fill('x'.repeat(16_384)), (text) => text)) {
    lengths.push(piece.length);
  }
  expect(Math.max(...lengths)).toBeLessThanOrEqual(65_536);
  expect(lengths.reduce((sum, one) => sum + one, 0)).toBe(40 * 16_384);
  const broken = pace.pieces([1], () => {
    throw new Error('broken');
  });
  await expect(broken.next()).rejects.toThrow('broken');
  expect(await pace.pieces([1], String).next()).toEqual({ value: '1', done: false });
});
