import { cpus, totalmem } from 'node:os';
import { mib } from './footprint.mjs';
import { readModelRows } from './read-model/report.mjs';

const MET = 'met';
const WHY = 'What is missed, why, and what was tried: [ADR 9](../docs/adr/0009-throughput.md#missed).';
const verdict = (good) => (good ? MET : '**missed**');
const ratio = (a, b) => (a / b).toFixed(2);
const whole = (n) => Math.round(n).toLocaleString('en');

/** What was found as a page: each row with its floor, ratio, bar and command. */
export async function report(found, bench) {
  const [[{ version }]] = await bench.db.query('SELECT VERSION() AS version');
  const redis = /redis_version:(\S+)/.exec(await bench.redis.info('server'))?.[1];
  const rows = [
    ...(found.collect ? collectRows(found.collect) : []),
    ...(found.worker ? workerRows(found.worker) : []),
    ...(found.pipeline ? pipelineRows(found.pipeline, found.freshness) : []),
    ...(found.queries ? queryRows(found.queries) : []),
    ...(found.memory ? memoryRows(found.memory) : []),
    ...(found.size ? sizeRows(found.size) : []),
    ...(found.start ? startRows(found.start) : []),
    ...(found.readModel ? readModelRows(found.readModel) : []),
  ];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const machine = `${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${version}, Redis ${redis}`;
  return `# Results

${new Date().toISOString().slice(0, 10)} · ${machine}

Made by \`npm run bench\`: floor and product in turn, medians. Rate limits, fsync on every write and logs at info are on; the load
comes from the same machine. ${WHY} ${found.rows ? `${whole(found.rows)} events of 5 apps over 365 days are stored. ` : ''}Read the ratios: the machine drifts. One part alone:
\`npm run bench -- PART\`, as in the last column.

| what | floor | product | ratio | bar | | part |
| --- | --- | --- | --- | --- | --- | --- |
${table}
`;
}

function collectRows({ single, batch, processes }) {
  const [one, hundred] = [
    single.product.perSecond / single.floor.perSecond,
    batch.product.perSecond / batch.floor.perSecond,
  ];
  const p99 = single.product.p99 / single.floor.p99;
  return [
    [
      'POST collect, 64 connections',
      `${whole(single.floor.perSecond)} /s`,
      `${whole(single.product.perSecond)} /s`,
      one.toFixed(2),
      '≥ 0.60',
      verdict(one >= 0.6),
      'collect',
    ],
    [
      'its p99',
      `${single.floor.p99} ms`,
      `${single.product.p99} ms`,
      p99.toFixed(2),
      '≤ 2',
      verdict(p99 <= 2),
      'collect',
    ],
    [
      'batch of 100',
      `${whole(batch.floor.perSecond * 100)} events/s`,
      `${whole(batch.product.perSecond * 100)} events/s`,
      hundred.toFixed(2),
      '≥ 0.60',
      verdict(hundred >= 0.6),
      'collect',
    ],
    [
      '2 API processes against one',
      `${whole(processes.one.perSecond)} /s`,
      `${whole(processes.two.perSecond)} /s`,
      ratio(processes.two.perSecond, processes.one.perSecond),
      '≥ 1',
      verdict(processes.two.perSecond >= processes.one.perSecond),
      'collect',
    ],
  ];
}

function workerRows({ one, two }) {
  const [single, double] = [one.product.perSecond / one.floor.perSecond, two.two.perSecond / two.one.perSecond];
  return [
    [
      'worker, claim to commit, against LOAD DATA and prepared rollups',
      `${whole(one.floor.perSecond)} events/s`,
      `${whole(one.product.perSecond)} events/s`,
      single.toFixed(2),
      '≥ 0.85',
      verdict(single >= 0.85),
      'worker',
    ],
    [
      'two workers against one',
      `${whole(two.one.perSecond)} events/s`,
      `${whole(two.two.perSecond)} events/s`,
      double.toFixed(2),
      '≥ 1.7',
      verdict(double >= 1.7),
      'worker',
    ],
  ];
}

function pipelineRows({ alone, perSecond, statuses, early, late, highest }, freshness) {
  const flat = late <= early * 1.2 + perSecond && Object.keys(statuses).join() === '202';
  return [
    [
      'whole pipeline at 0.60 of the worker alone',
      `${whole(alone)} events/s alone`,
      `${whole(perSecond)} events/s, pending ${whole(early)} then ${whole(late)} (highest ${whole(highest)}), answers ${JSON.stringify(statuses).replaceAll('"', '')}`,
      '',
      'backlog flat, no 503',
      verdict(flat),
      'pipeline',
    ],
    [
      'freshness at 50 events/s',
      '',
      `p50 ${whole(freshness.p50)} ms, p99 ${whole(freshness.p99)} ms`,
      '',
      'p99 ≤ 1,500 ms',
      verdict(freshness.p99 <= 1500),
      'pipeline',
    ],
  ];
}

function queryRows(queries) {
  const floor = queries.empty.p95;
  const row = (name, bar) => {
    const beyond = queries[name].p95 - floor;
    return [
      name,
      `p95 ${floor.toFixed(1)} ms`,
      `p95 ${queries[name].p95.toFixed(1)} ms (p50 ${queries[name].p50.toFixed(1)})`,
      `+ ${beyond.toFixed(1)} ms`,
      `≤ + ${bar} ms`,
      verdict(beyond <= bar),
      'queries',
    ];
  };
  const [large, tenth] = [queries['summary 30 days, largest app'].p50, queries['summary 30 days, a tenth of it'].p50];
  return [
    row('summary 30 days, largest app', 25),
    [
      'ten times as many events',
      `p50 ${tenth.toFixed(1)} ms`,
      `p50 ${large.toFixed(1)} ms`,
      ratio(large, tenth),
      '≤ 1.3',
      verdict(large / tenth <= 1.3),
      'queries',
    ],
    row('summary 365 days, all apps', 150),
    row('user-stats', 15),
  ];
}

function memoryRows({ floor, first, last }) {
  return ['api', 'worker'].map((name) => [
    `memory of ${name === 'api' ? 'the API' : 'the worker'}, RSS`,
    `${mib(floor)} MiB`,
    `${mib(last[name])} MiB (half-way ${mib(first[name])})`,
    ratio(last[name], floor),
    '≤ 1.4, flat',
    verdict(last[name] <= floor * 1.4 && last[name] <= first[name] * 1.1),
    'footprint',
  ]);
}

function sizeRows({ json, inRedis, alone, all }) {
  return [
    [
      'pending events in Redis',
      `${mib(json)} MiB of JSON`,
      `${mib(inRedis)} MiB`,
      ratio(inRedis, json),
      '≤ 1.4',
      verdict(inRedis <= json * 1.4),
      'footprint',
    ],
    [
      'all tables and indexes',
      `${whole(mib(alone))} MiB, rows with their key alone`,
      `${whole(mib(all))} MiB`,
      ratio(all, alone),
      '≤ 1.6',
      verdict(all <= alone * 1.6),
      'footprint',
    ],
  ];
}

function startRows({ floor, product }) {
  return [
    [
      'second npm start, to ready',
      `${whole(floor)} ms, boot of an empty app`,
      `${whole(product)} ms`,
      ratio(product, floor),
      '≤ 2',
      verdict(product <= floor * 2),
      'footprint',
    ],
  ];
}
