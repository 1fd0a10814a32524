import { createHmac } from 'node:crypto';
import type { Env } from '../../config/env.js';

/** Injects the LocalProvider; undefined while local sign-in is off. */
export const LOCAL_PROVIDER = Symbol('LocalProvider');

export const LOCAL_SIGN_IN_PATH = '/local-sign-in';

/** How the Google strategy reaches the stand-in, which lives in this same process. */
export function localProvider(env: Env) {
  const host = env.host.includes(':') ? `[${env.host}]` : env.host;
  // Server to server: not through PUBLIC_URL, whose name this machine may not know.
  const own = `http://${host}:${env.port}${LOCAL_SIGN_IN_PATH}`;
  return {
    clientId: 'tallystone-local',
    // Known to nobody else, and the same in every API process of an installation.
    clientSecret: createHmac('sha256', env.userTokenSecrets![0].key).update('tallystone local sign-in').digest('hex'),
    issuer: `${env.publicUrl}${LOCAL_SIGN_IN_PATH}`,
    authorizationUrl: `${env.publicUrl}${LOCAL_SIGN_IN_PATH}/auth`,
    tokenUrl: `${own}/token`,
    userinfoUrl: `${own}/userinfo`,
  };
}
