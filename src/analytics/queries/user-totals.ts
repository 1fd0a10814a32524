import { type EntityManager, In } from 'typeorm';
import { UserAnalytics } from '../../database/entities/index.js';

/** What is kept of a person, a row an app. @param appIds at least one @param userKeys 32 hex digits each */
export function userTotals(
  manager: EntityManager,
  appIds: readonly string[],
  userKeys: readonly string[],
): Promise<UserAnalytics[]> {
  return manager.findBy(UserAnalytics, { appId: In([...appIds]), userKey: In([...userKeys]) });
}
