import { join } from 'node:path';

/** The product's processes and commands. `npm run build:server` makes a file of dist/server/ for each. */
export const PROGRAMS = [
  'main',
  'worker',
  'engine',
  'migrate',
  'audit-counts',
  'dead-letters',
  'accounts',
  'projection',
];

/**
 * Finds the file that Node runs.
 * @param {string} name one of {@link PROGRAMS}
 * @param {{ watched?: boolean }} [options] `watched`: the compiler's own output, which `npm run dev` renews after each change
 * @returns {string} path from the project's folder
 */
export function programFile(name, { watched = false } = {}) {
  return join('dist', watched ? 'src' : 'server', `${name}.js`);
}
