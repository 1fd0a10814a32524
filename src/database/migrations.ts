import { FirstSchema1764000000000 } from '../../migrations/1764000000000-first-schema.js';

/** Every migration, oldest first. Named one by one: a build finds them whatever the folder. */
export const MIGRATIONS = [FirstSchema1764000000000];
