/** The index of the first item whose value is `least` or more; the length where there is none. @param items sorted by value */
export function lowerBound<T>(items: readonly T[], valueOf: (item: T) => number, least: number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueOf(items[middle]!) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
