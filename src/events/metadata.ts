import { METADATA_MAX_BYTES, METADATA_MAX_DEPTH } from './limits.js';

/**
 * Why an object cannot be kept as metadata, or undefined. It must come back as it was sent: no number that JSON or
 * JavaScript would change, no lone surrogate, within size and depth.
 */
export function metadataFault(metadata: object): string | undefined {
  const fault = valueFault(metadata, 1);
  if (fault) return fault;
  const bytes = Buffer.byteLength(metadataText(metadata));
  return bytes > METADATA_MAX_BYTES ? `is ${bytes} bytes of JSON; the limit is ${METADATA_MAX_BYTES}` : undefined;
}

let lastObject: object | undefined;
let lastText = '';

/** Metadata as JSON text. The last one is remembered, since an event's is asked for twice: to be measured, and to be kept. */
export function metadataText(metadata: object): string {
  if (metadata !== lastObject) {
    lastText = JSON.stringify(metadata);
    lastObject = metadata;
  }
  return lastText;
}

function valueFault(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed() ? undefined : 'holds text that is not valid Unicode (a lone surrogate)';
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'holds a number too large to keep';
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      return 'holds a whole number beyond 2^53-1, which JSON readers round; send it as a string';
    }
    return undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depth > METADATA_MAX_DEPTH) return `is nested deeper than ${METADATA_MAX_DEPTH} levels`;
  for (const key of Object.keys(value)) {
    const fault = valueFault(key, depth) ?? valueFault((value as Record<string, unknown>)[key], depth + 1);
    if (fault) return fault;
  }
  return undefined;
}
