/**
 * How much longer `work` takes for an input four times as long: about 4 where it grows with the input, 16 where it
 * grows with the square. A ratio holds on any machine, and the fastest of many runs leaves out its interruptions.
 *
 * @param work Takes the length of the input, in characters, and the number of the run.
 * @param length The longer input.
 */
export function growthOf(work: (length: number, run: number) => void, length: number, runs = 40): number {
  const [short, long] = [length / 4, length].map((each) => {
    let fastest = Infinity;
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      work(each, run);
      fastest = Math.min(fastest, performance.now() - start);
    }
    return fastest;
  });
  // A clock that can be read to a microsecond says nothing of work that is shorter.
  return long! < 0.05 ? 0 : long! / short!;
}

/** Between growth with the input (4) and with its square (16). */
export const LINEAR = 9;
