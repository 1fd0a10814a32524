// Loaded into a worker before all else (NODE_OPTIONS=--import): changes one line of the copy to what BROKEN names, so that the
// tests of the copy can be seen to fail.
import { register } from 'node:module';

register('./broken-copy-hooks.mjs', import.meta.url, { data: process.env.BROKEN });
