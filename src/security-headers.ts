import helmet from '@fastify/helmet';
import Fastify from 'fastify';

/** Browser features that no page here uses. Copy buttons write to the clipboard. */
const UNUSED_FEATURES = [
  ...['accelerometer', 'autoplay', 'camera', 'clipboard-read', 'display-capture', 'encrypted-media', 'fullscreen'],
  ...['geolocation', 'gyroscope', 'hid', 'idle-detection', 'magnetometer', 'microphone', 'midi', 'payment'],
  ...['picture-in-picture', 'publickey-credentials-create', 'publickey-credentials-get', 'screen-wake-lock', 'serial'],
  ...['usb', 'web-share', 'xr-spatial-tracking'],
];
export const PERMISSIONS_POLICY = [...UNUSED_FEATURES.map((name) => `${name}=()`), 'clipboard-write=(self)'].join(', ');

/** Header values by lower-case name. */
export type SecurityHeaders = Readonly<Record<string, string>>;

/**
 * The headers that helmet sets, and Permissions-Policy, which it does not. They are the same for every answer, so helmet is
 * asked once, when a process starts.
 */
export async function securityHeaders(): Promise<SecurityHeaders> {
  const once = Fastify();
  await once.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false, // said by the proxy that ends TLS
  });
  once.get('/', () => '');
  const { headers } = await once.inject('/');
  await once.close();
  const ofEveryAnswer = new Set(['content-length', 'content-type', 'date', 'connection']);
  const found = Object.entries(headers).flatMap(([name, value]) =>
    ofEveryAnswer.has(name) ? [] : [[name, String(value)]],
  );
  return { ...Object.fromEntries(found), 'permissions-policy': PERMISSIONS_POLICY };
}
