/** BINARY from hex digits. */
export function binary(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
