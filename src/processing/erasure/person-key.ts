import { binary } from '../../database/binary.js';

/** One key of a person in one app. */
export interface PersonKey {
  appId: Buffer;
  ownerId: Buffer;
  userKey: Buffer;
}

/** @param appId @param ownerId @param userKeys 32 hex digits each */
export function personKeys(appId: string, ownerId: string, userKeys: readonly string[]): PersonKey[] {
  return userKeys.map((key) => ({ appId: binary(appId), ownerId: binary(ownerId), userKey: binary(key) }));
}
