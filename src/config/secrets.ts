import { createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvReader } from './env-reader.js';

/** A signing secret and the short public name (`kid`) that tokens carry so that the right one verifies them. */
export interface NamedSecret {
  kid: string;
  /** A KeyObject, since jsonwebtoken is 37 times slower with a string. */
  key: KeyObject;
}

/** The first signs; all verify. */
export type SecretRing = readonly [NamedSecret, ...NamedSecret[]];

export const SECRET_MIN_BYTES = 32;

/**
 * Reads a comma-separated list of secrets of at least 32 bytes. Outside production a missing one is made once and kept
 * in `DATA_DIR/secrets` (mode 0600).
 */
export function readSecretRing(
  reader: EnvReader,
  name: string,
  options: { production: boolean; dataDir: string },
): SecretRing | undefined {
  const configured = reader.secret(name);
  if (!configured && options.production) {
    reader.fault(
      name,
      `is required in production: at least ${SECRET_MIN_BYTES} random bytes (openssl rand -base64 48)`,
    );
    return undefined;
  }
  const text = configured ?? generatedSecret(join(options.dataDir, 'secrets'), name);
  const secrets = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  for (const secret of secrets) {
    if (Buffer.byteLength(secret) < SECRET_MIN_BYTES) {
      reader.fault(name, `holds a secret shorter than ${SECRET_MIN_BYTES} bytes (openssl rand -base64 48 makes one)`);
      return undefined;
    }
    if (new Set(secret).size < 8) {
      reader.fault(name, 'holds a secret that is easily guessed (openssl rand -base64 48 makes a good one)');
      return undefined;
    }
  }
  const [first, ...rest] = secrets.map(nameSecret);
  if (!first) {
    reader.fault(name, 'holds no secret');
    return undefined;
  }
  return [first, ...rest];
}

function nameSecret(secret: string): NamedSecret {
  const kid = createHash('sha256').update(`tallystone kid\0${secret}`).digest('hex').slice(0, 8);
  return { kid, key: createSecretKey(Buffer.from(secret)) };
}

function generatedSecret(folder: string, name: string): string {
  const file = join(folder, name.toLowerCase());
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    // Two processes may start at once: the first to create the file wins, the other reads it.
    writeFileSync(file, `${randomBytes(48).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
