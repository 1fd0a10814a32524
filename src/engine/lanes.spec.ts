import { Lanes } from './lanes.js';

type Later = { promise: Promise<void>; resolve: () => void };
function later(): Later {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

test('at most as many run as there are places, in the order of asking', async () => {
  const lanes = new Lanes(['a', 'b']);
  const begun: number[] = [];
  const ends = [later(), later(), later(), later()];
  const runs = ends.map(({ promise }, i) =>
    lanes.run(async () => {
      begun.push(i);
      await promise;
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  expect(lanes.waiting).toBe(2);
  ends[1]!.resolve();
  await runs[1];
  expect(begun).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.all(runs);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('who gives up waiting loses their turn, and a failure frees the place', async () => {
  const lanes = new Lanes(['a']);
  const end = later();
  const first = lanes.run(async () => {
    await end.promise;
    throw new Error('failed');
  });
  const gone = new AbortController();
  const second = lanes.run(() => Promise.resolve('second'), gone.signal);
  const third = lanes.run((place) => Promise.resolve(place));
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  end.resolve();
  await expect(first).rejects.toThrow('failed');
  await expect(third).resolves.toBe('a');
});

test('too many are refused', async () => {
  const lanes = new Lanes(['a'], 1);
  const end = later();
  const runs = [lanes.run(() => end.promise), lanes.run(() => end.promise)];
  await expect(lanes.run(() => end.promise)).rejects.toMatchObject({ type: 'TOO_MANY_SIMULTANEOUS_QUERIES' });
  end.resolve();
  await Promise.all(runs);
});
