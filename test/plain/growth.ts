/**
 * How much longer `work` takes for an input four times as long: about 4 where it grows with the input, 16 where it
 * grows with the square. A ratio holds on any machine, and the fastest of many runs leaves out its interruptions.
 *
 * @param work Takes the length of the input, in characters, and the number of the run.
 * @param length The longer input.
 */
export function growthOf(work: (length: number, run: number) => void, length: number, runs = 40): number {
  const lengths = [length / 4, length] as const;
  const fastest: [number, number] = [Infinity, Infinity];
  // Other processes may disturb every run of one length, and none of the other: both are measured again while that may be so.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, each] of lengths.entries()) {
      for (let run = 0; run < runs; run++) {
        const start = performance.now();
        work(each, round * runs + run);
        fastest[i] = Math.min(fastest[i]!, performance.now() - start);
      }
    }
    if (fastest[1] / fastest[0] < LINEAR) break;
  }
  const [short, long] = fastest;
  // A clock that can be read to a microsecond says nothing of work that is shorter.
  return long < 0.05 ? 0 : long / short;
}

/** After so many, what still looks like growth with the square is that. */
const ROUNDS = 8;

/** Between growth with the input (4) and with its square (16). */
export const LINEAR = 9;
