/** A list of e-mail addresses and @domains, or `*` for anyone. Matching ignores case. */
export class AllowList {
  private readonly entries: ReadonlySet<string>;

  constructor(entries: readonly string[]) {
    this.entries = new Set(entries.map((entry) => entry.toLowerCase()));
  }

  get anyone(): boolean {
    return this.entries.has('*');
  }

  allows(email: string): boolean {
    const address = email.toLowerCase();
    const domain = address.slice(address.lastIndexOf('@'));
    return this.anyone || this.entries.has(address) || this.entries.has(domain);
  }

  /** `*`, `@example.com` or `ann@example.com`. */
  static isEntry(entry: string): boolean {
    return entry === '*' || /^[^\s@]*@[^\s@]+$/.test(entry);
  }
}
