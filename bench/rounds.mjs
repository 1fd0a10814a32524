/**
 * Measures sides in turn, A B A B …, so that a machine that drifts drifts for all of them.
 * @param {Record<string, () => Promise<Record<string, number>>>} sides by name: measures once, resolves to figures by name
 * @param {number} times
 * @param {(line: string) => void} progress
 * @returns by side and figure: the median
 */
export async function rounds(sides, times, progress = () => {}) {
  /** @type {Record<string, Record<string, number>[]>} */
  const figures = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 1; round <= times; round += 1) {
    for (const [name, measure] of Object.entries(sides)) {
      const found = await measure();
      figures[name].push(found);
      progress(
        `${round}/${times} ${name}: ${Object.entries(found)
          .map(([key, value]) => `${key} ${Math.round(value * 100) / 100}`)
          .join(', ')}`,
      );
    }
  }
  return Object.fromEntries(
    Object.entries(figures).map(([name, all]) => [
      name,
      Object.fromEntries(Object.keys(all[0]).map((key) => [key, median(all.map((one) => one[key]))])),
    ]),
  );
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param p 0 to 1 */
export function percentile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(Math.ceil(sorted.length * p), sorted.length) - 1];
}
