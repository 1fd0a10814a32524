/** Which rows a run of deletions means, as conditions of SQL. They name no key: the tables of keys do. */
export interface DeletionConditions {
  /** Events of apps and of people that are to be erased. */
  erased: string;
  /** Events of others that carry the key of a person who is to be erased. */
  named: string;
  /** Archived users of apps and people that are to be erased. */
  archived: string;
  /** @param bounds numbers of 128 bits: no event between them has expired, for whatever app */
  expired: (bounds: { lowestKept: string; future: string }) => string;
}

/**
 * @param database a name of letters, digits and _ @param run the UUID of rows in the tables of keys
 * @returns conditions, each in parentheses
 */
export function conditions(database: string, run: string): DeletionConditions {
  const id = `toUUID('${run}')`;
  const apps = (which: string): string =>
    `app_id IN (SELECT app FROM ${database}.deleting_apps WHERE run = ${id}${which})`;
  const found = (table: string, column: string, key: string): string =>
    `joinGet('${database}.${table}', '${column}', ${id}, ${key})`;
  // joinGet() answers 1970 for a key that is not there, and no event is that old.
  const person = (key: string): string =>
    `${apps(' AND NOT whole')} AND ${found('deleting_people', 'until', `app_id, ${key}`)} >= received_at`;
  return {
    erased: `(${apps(' AND whole')} OR ${person('user_key')})`,
    archived: `(${apps(' AND whole')} OR ${apps(' AND NOT whole')}
AND ${found('deleting_people', 'until', 'app_id, user_key')} > toDateTime64(0, 3, 'UTC'))`,
    named: `(alias_key != toUInt128(0) AND ${person('alias_key')})`,
    expired: ({ lowestKept, future }) =>
      `(${apps('')} AND (id < toUInt128('${lowestKept}') AND id < ${found('expiring', 'lowest_id', 'app_id')}
OR id > toUInt128('${future}') AND received_at < ${found('expiring', 'received_before', 'app_id')}))`,
  };
}
