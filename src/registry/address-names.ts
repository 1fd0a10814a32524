import { createHmac } from 'node:crypto';
import { networkOf } from './network.js';

const REMEMBERED = 5000;

/** What stands for addresses in Redis. A sender comes again and again, so the latest names are remembered. */
export class AddressNames {
  private readonly names = new Map<string, string>();
  private secret: Buffer | undefined;

  /** @param secret names made with another one are forgotten @returns 22 characters of base64url */
  nameOf(address: string, secret: Buffer): string {
    if (this.secret !== secret) {
      this.names.clear();
      this.secret = secret;
    }
    let name = this.names.get(address);
    if (name === undefined) {
      name = createHmac('sha256', secret).update(networkOf(address)).digest('base64url').slice(0, 22);
      if (this.names.size >= REMEMBERED) this.names.clear();
      this.names.set(address, name);
    }
    return name;
  }
}
