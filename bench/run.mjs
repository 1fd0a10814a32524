import '../scripts/launcher/node-version.mjs';
import { parseArgs } from 'node:util';
import { Workbench } from './workbench.mjs';
import { benchCollect } from './collect.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false }, rounds: { type: 'string' }, seconds: { type: 'string' } },
});
const bench = new Workbench();
const progress = (line) => process.stderr.write(`${line}\n`);
try {
  await bench.open();
  const options = { times: Number(values.rounds ?? 5), seconds: Number(values.seconds ?? 8), progress };
  console.log(JSON.stringify(await benchCollect(bench, options), null, 1));
} finally {
  await bench.close();
}
