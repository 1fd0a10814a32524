import { readFileSync } from 'node:fs';

/** Where configuration comes from: process.env or a plain object in tests. */
export type EnvSource = Record<string, string | undefined>;

/**
 * Reads single variables and collects every fault, so that a person sees all of them at once.
 * An empty string counts as unset. Faults name the variable, never its value.
 */
export class EnvReader {
  readonly faults: string[] = [];

  constructor(private readonly source: EnvSource) {}

  fault(name: string, problem: string): void {
    this.faults.push(`${name} ${problem}`);
  }

  text(name: string): string | undefined {
    const value = this.source[name]?.trim();
    return value ? value : undefined;
  }

  /** A secret: `NAME`, or the content of the file that `NAME_FILE` names. Setting both is a fault. */
  secret(name: string): string | undefined {
    const direct = this.text(name);
    const file = this.text(`${name}_FILE`);
    if (direct && file) this.fault(name, `and ${name}_FILE are both set: keep one of them`);
    if (!file || direct) return direct;
    try {
      const content = readFileSync(file, 'utf8').trim();
      if (content) return content;
      this.fault(`${name}_FILE`, 'names an empty file');
    } catch {
      this.fault(`${name}_FILE`, 'names a file that cannot be read');
    }
    return undefined;
  }

  /** A whole number within [min, max]. */
  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    this.fault(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    if ((choices as readonly string[]).includes(value)) return value as T;
    this.fault(name, `must be one of: ${choices.join(', ')}`);
    return fallback;
  }

  /** true/false, on/off, yes/no, 1/0. */
  flag(name: string): boolean | undefined {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (['true', 'on', 'yes', '1'].includes(value)) return true;
    if (['false', 'off', 'no', '0'].includes(value)) return false;
    this.fault(name, 'must be on or off');
    return undefined;
  }

  url(name: string, protocols: readonly string[]): URL | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed && protocols.includes(parsed.protocol)) return parsed;
    this.fault(name, `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`);
    return undefined;
  }

  list(name: string): string[] | undefined {
    return this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  }
}
