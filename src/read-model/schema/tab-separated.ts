const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };

/*
 * Values as fields of ClickHouse's format TabSeparated (https://clickhouse.com/docs/interfaces/formats/TabSeparated), which
 * chDB takes, as it does no binary format, and which it reads faster than JSON.
 */

export function textField(value: string): string {
  return /[\\\t\n\r\0]/.test(value) ? value.replace(/[\\\t\n\r\0]/g, (character) => ESCAPED[character]!) : value;
}

/** A number of 128 bits, as a parameter has it too. @param value 32 hex digits */
export function uint128Field(value: string): string {
  return BigInt(`0x${value}`).toString();
}

/** Seconds since 1970 with their thousandths. @param ms since 1970 UTC, not before */
export function timeField(ms: number): string {
  const text = String(ms).padStart(4, '0');
  return `${text.slice(0, -3)}.${text.slice(-3)}`;
}
