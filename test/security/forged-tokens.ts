import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

type Part = Record<string, unknown>;

/** A token taken apart. */
interface Parts {
  header: Part;
  claims: Part;
}

export function takeApart(token: string): Parts {
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  return { header: JSON.parse(header!) as Part, claims: JSON.parse(claims!) as Part };
}

/** Signs as whoever holds the secret could. */
export function forge({ header, claims }: Parts, secret: string, algorithm = 'sha256'): string {
  const content = encode(header, claims);
  return `${content}.${createHmac(algorithm, secret).update(content).digest('base64url')}`;
}

const SECOND = 1000;

/** A good token changed in one way each, signed with the true secret wherever that makes a difference. */
export function forgeries(good: string, secret: string): Record<string, string> {
  const { header, claims } = takeApart(good);
  const now = Math.floor(Date.now() / SECOND);
  const withClaims = (changed: Part) => forge({ header, claims: { ...claims, ...changed } }, secret);
  const endless = { ...claims, exp: undefined };
  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: PEM.private,
    publicKeyEncoding: PEM.public,
  });
  const rs256 = encode({ ...header, alg: 'RS256' }, claims);
  return {
    garbage: 'garbage',
    'two parts': good.split('.').slice(0, 2).join('.'),
    'alg none': `${encode({ ...header, alg: 'none' }, claims)}.`,
    'alg none, signed': forge({ header: { ...header, alg: 'none' }, claims }, secret),
    HS512: forge({ header: { ...header, alg: 'HS512' }, claims }, secret, 'sha512'),
    RS256: `${rs256}.${sign('sha256', Buffer.from(rs256), createPrivateKey(rsa.privateKey)).toString('base64url')}`,
    'another secret': forge({ header, claims }, `${secret}x`),
    'unknown kid': forge({ header: { ...header, kid: 'unknown' }, claims }, secret),
    'no kid': forge({ header: { alg: 'HS256', typ: 'JWT' }, claims }, secret),
    'changed claim': `${encode(header, { ...claims, sub: 'x', jti: 'x' })}.${good.split('.')[2]}`,
    expired: withClaims({ iat: now - 100, exp: now - 10 }),
    'not yet valid': withClaims({ nbf: now + 1000 }),
    'no exp': forge({ header, claims: endless }, secret),
    'wrong iss': withClaims({ iss: 'somebody' }),
    'wrong aud': withClaims({ aud: 'tallystone:other' }),
    'no typ': withClaims({ typ: undefined }),
    'unknown typ': withClaims({ typ: 'admin' }),
  };
}

const PEM = {
  private: { type: 'pkcs8', format: 'pem' },
  public: { type: 'spki', format: 'pem' },
} as const;

function encode(header: Part, claims: Part): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}
