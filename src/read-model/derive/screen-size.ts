/** As clients write it: `1512x982`, `1512 x 982`, `1512×982`. */
const SIZE = /^\s*(\d{1,5}(?:\.\d{1,6})?)\s*[x×*]\s*(\d{1,5}(?:\.\d{1,6})?)\s*$/i;
const NUMBER = /^\d{1,5}(?:\.\d{1,6})?$/;

/**
 * A screen's width and height in CSS pixels as `1512x982`; '' for what is none.
 * @param value a text, or an object with `width` and `height`
 */
export function screenSizeOf(value: unknown): string {
  if (typeof value === 'string') {
    const [, width, height] = SIZE.exec(value) ?? [];
    return size(Number(width), Number(height));
  }
  if (value === null || typeof value !== 'object') return '';
  const { width, height } = value as { width?: unknown; height?: unknown };
  return size(pixels(width), pixels(height));
}

function size(width: number, height: number): string {
  const [across, down] = [Math.round(width), Math.round(height)];
  return across >= 1 && down >= 1 && across <= 99_999 && down <= 99_999 ? `${across}x${down}` : '';
}

function pixels(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : NaN;
}
