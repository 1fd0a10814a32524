import { canonicalAddress, canonicalDomain, isOneAddress } from './email-address.js';

/** What the sign-in provider says of an account. */
export interface ProviderAccount {
  /** Verified by the provider. */
  email: string;
  /** Google's `hd`, the domain of the account's Workspace. Empty: none. Null: nobody has asked yet. */
  domain: string | null;
}

/**
 * A list of e-mail addresses and @domains, or `*` for anyone. An @domain matches the accounts of that Google Workspace,
 * whatever their e-mail: anybody can open a consumer account with an address of a foreign domain. Case is ignored.
 */
export class AllowList {
  private readonly entries: ReadonlySet<string>;

  constructor(entries: readonly string[]) {
    this.entries = new Set(
      entries.map((entry) => {
        if (entry === '*') return entry;
        return entry.startsWith('@') ? `@${canonicalDomain(entry.slice(1))}` : canonicalAddress(entry);
      }),
    );
  }

  get anyone(): boolean {
    return this.entries.has('*');
  }

  allows({ email, domain }: ProviderAccount): boolean {
    if (this.anyone || this.entries.has(canonicalAddress(email))) return true;
    return Boolean(domain) && this.hasDomain(domain!);
  }

  /** Whether the domain of an e-mail is listed: says nothing of whether its account belongs to that Workspace. */
  namesDomainOf(email: string): boolean {
    return this.hasDomain(email.slice(email.lastIndexOf('@') + 1));
  }

  private hasDomain(domain: string): boolean {
    const canonical = canonicalDomain(domain);
    return canonical !== undefined && this.entries.has(`@${canonical}`);
  }

  /** `*`, `@example.com` or `ann@example.com`. */
  static isEntry(entry: string): boolean {
    if (entry === '*') return true;
    if (entry.startsWith('@')) return isOneAddress(`name${entry}`) && canonicalDomain(entry.slice(1)) !== undefined;
    return isOneAddress(entry) && !entry.startsWith('*@');
  }
}
