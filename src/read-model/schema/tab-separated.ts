const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };

/*
 * Values as fields of ClickHouse's format TabSeparated (https://clickhouse.com/docs/interfaces/formats/TabSeparated), which
 * chDB takes, as it does no binary format, and which it reads faster than JSON.
 */

export function textField(value: string): string {
  return /[\\\t\n\r\0]/.test(value) ? value.replace(/[\\\t\n\r\0]/g, (character) => ESCAPED[character]!) : value;
}

/** @param value 32 hex digits */
export function uuidField(value: string): string {
  return `${value.slice(0, 8)}-${value.slice(8, 12)}-${value.slice(12, 16)}-${value.slice(16, 20)}-${value.slice(20)}`;
}

/** A number of 128 bits. @param value 32 hex digits */
export function uint128Field(value: string): string {
  return BigInt(`0x${value}`).toString();
}

/** Seconds since 1970 with their thousandths. @param ms since 1970 UTC, not before */
export function timeField(ms: number): string {
  const text = String(ms).padStart(4, '0');
  return `${text.slice(0, -3)}.${text.slice(-3)}`;
}
