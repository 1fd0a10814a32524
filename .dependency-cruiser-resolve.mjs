import { join } from 'node:path';

/** What scripts and tests import of the build is checked as what it is built from, so the check needs no build. */
export default {
  resolve: {
    alias: { [join(import.meta.dirname, 'dist', 'src')]: join(import.meta.dirname, 'src') },
    extensionAlias: { '.js': ['.ts', '.tsx', '.js'] },
  },
};
