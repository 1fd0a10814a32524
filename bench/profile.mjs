// node bench/profile.mjs FILE.cpuprofile [ROWS]: where the time of a --cpu-prof went, by package and by function.
import { readFileSync } from 'node:fs';

const [file, rows = '25'] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
const byId = new Map(nodes.map((node) => [node.id, node]));
const byFunction = new Map();
const byPackage = new Map();
let busy = 0;
/** What comes before is starting up and getting warm. */
let skip = timeDeltas.reduce((sum, us) => sum + us, 0) / 2;
for (const [index, id] of samples.entries()) {
  skip -= timeDeltas[index];
  if (skip > 0) continue;
  const { callFrame } = byId.get(id);
  const { functionName: name, url, lineNumber } = callFrame;
  if (name === '(idle)') continue;
  busy += timeDeltas[index];
  const where =
    /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ??
    (url.startsWith('node:') ? 'node' : url.includes('/dist/') ? 'product' : 'v8');
  add(byPackage, where, timeDeltas[index]);
  add(
    byFunction,
    `${name || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`,
    timeDeltas[index],
  );
}
function add(map, key, value) {
  map.set(key, (map.get(key) ?? 0) + value);
}
for (const map of [byPackage, byFunction]) {
  for (const [key, us] of [...map].sort((a, b) => b[1] - a[1]).slice(0, Number(rows))) {
    console.log(`${((100 * us) / busy).toFixed(1).padStart(5)} %  ${key}`);
  }
  console.log();
}
