import { nodeRefusal } from './node-support.mjs';

// Imported first by every script: on an older Node the rest would fail with less helpful words.
const refusal = nodeRefusal(process.versions.node);
if (refusal) {
  process.stderr.write(`${refusal}\n`);
  process.exit(1);
}
