import { mib } from '../footprint.mjs';

const verdict = (good) => (good ? 'met' : '**missed**');
const whole = (n) => Math.round(n).toLocaleString('en');
const ms = (n) => `${n.toFixed(1)} ms`;
const statuses = (found) => JSON.stringify(found).replaceAll('"', '');
const row = (section, what, floor, product, ratio, bar, result) => [
  ...[what, floor, product, ratio, bar, result],
  `read-model ${section}`,
];

/** Rows of the table of results, of the sections that ran. */
export function readModelRows(found) {
  return [
    ...(found.fill ? fillRows(found.fill) : []),
    ...(found.summary ? summaryRows(found.summary) : []),
    ...(found.backlog ? backlogRows(found.backlog) : []),
    ...(found.visible ? visibleRows(found.visible) : []),
    ...(found.outage ? outageRows(found.outage) : []),
    ...(found.bytes ? bytesRows(found.bytes) : []),
    ...(found.overview ? overviewRows(found.overview) : []),
    ...(found.mixed ? mixedRows(found.mixed) : []),
    ...(found.product ? productRows(found.product) : []),
    ...(found.small ? smallRows(found.small) : []),
  ];
}

function fillRows({ events, seconds }) {
  const product = `${whole(events)} events in ${whole(seconds)} s, ${whole(events / seconds)} events/s`;
  return [row('', 'ClickHouse filled from MySQL and compared', '', product, '', '', 'stated')];
}

function summaryRows(summary) {
  const medians = { 30: 60, 365: 300 };
  return Object.entries(summary).flatMap(([name, { floor, product, alone }]) => {
    const bar = floor.p95 * 1.2 + 5;
    const median = medians[/(\d+) days/.exec(name)?.[1] ?? ''];
    const found = `p95 ${ms(product.p95)} (p50 ${ms(product.p50)})`;
    const times = (product.p95 / floor.p95).toFixed(2);
    return [
      row('summary', name, `p95 ${ms(floor.p95)}`, found, times, `≤ 1.2 × + 5 ms`, verdict(product.p95 <= bar)),
      row(
        ...['summary', `${name}, one connection`, '', `p50 ${ms(alone.p50)}`, ''],
        ...[`≤ ${median} ms`, verdict(alone.p50 <= median)],
      ),
    ];
  });
}

function backlogRows({ one, two, previous }) {
  const rate = (side) => `${whole(side.perSecond)} events/s`;
  const ratio = one.product.perSecond / one.floor.perSecond;
  const loops = two.twoLoops.perSecond / two.oneLoop.perSecond;
  const workers = two.two.perSecond / two.one.perSecond;
  const rows = [
    row(
      ...['backlog', 'worker with a backlog, MySQL and ClickHouse caught up', rate(one.floor)],
      ...[`${rate(one.product)} (${whole(one.product.committedPerSecond)} committed)`, ratio.toFixed(2)],
      ...['≥ 0.45', verdict(ratio >= 0.45)],
    ),
    row(
      ...['backlog', 'two workers against one', rate(two.one), rate(two.two), workers.toFixed(2)],
      ...[`two plain loops: ${loops.toFixed(2)}`, 'stated'],
    ),
  ];
  const what = `against ${previous.version ?? 'the release before'}, on empty databases`;
  if (previous.missing) return [...rows, row('backlog', what, '', `not run: ${previous.missing}`, '', '≥ 1.1', '')];
  const gain = previous.now.perSecond / previous.before.perSecond;
  const cells = [rate(previous.before), rate(previous.now), gain.toFixed(2), '≥ 1.1', verdict(gain >= 1.1)];
  return [...rows, row('backlog', what, ...cells)];
}

function visibleRows(visible) {
  return Object.values(visible).map(({ p50, p99, highest, perSecond, mutations, questions }) =>
    row(
      ...[
        'freshness',
        `202 to event-summary at ${whole(perSecond)} events/s, a mutation and another account’s eight questions running`,
        '',
      ],
      `p50 ${whole(p50)} ms, p99 ${whole(p99)} ms, highest ${whole(highest)} ms (${mutations} mutations, questions ${statuses(questions)})`,
      ...['', 'p99 ≤ 1,500 ms', verdict(p99 <= 1500)],
    ),
  );
}

function outageRows({ down, caughtUp, perSecond, statuses: answers, accepted, stored, copied, outbox }) {
  const isWhole = Object.keys(answers).join() === '202' && stored === accepted && copied === accepted;
  const each = outbox.bytes / Math.max(outbox.events, 1);
  const hour = each * perSecond * 3600;
  const what = `the engine away for ${whole(down)} s at ${whole(perSecond)} events/s`;
  const counts = `${whole(accepted)} accepted, ${whole(stored)} in MySQL, ${whole(copied)} in ClickHouse`;
  return [
    row(
      ...['outage', what, '', `answers ${statuses(answers)}; ${counts}; caught up after ${whole(caughtUp)} s`, ''],
      ...[`nothing refused, ≤ ${whole(down)} s`, verdict(isWhole && caughtUp <= down)],
    ),
    row(
      ...['outage', 'outbox of one hour at that rate', ''],
      ...[`${whole(mib(hour))} MiB (${each.toFixed(1)} B an event)`, '', '', 'stated'],
    ),
  ];
}

function bytesRows({ mysql, clickhouse, rebuild }) {
  const ratio = mysql.all / mysql.alone;
  const each = clickhouse.bytes / clickhouse.events;
  const more = rebuild.highest / rebuild.before;
  return [
    row(
      ...['bytes', 'MySQL: all tables and indexes', `${whole(mib(mysql.alone))} MiB, rows with their key alone`],
      ...[`${whole(mib(mysql.all))} MiB`, ratio.toFixed(2), '≤ 1.35', verdict(ratio <= 1.35)],
    ),
    row('bytes', 'ClickHouse on disk, an event', '', `${each.toFixed(1)} B`, '', '≤ 80 B', verdict(each <= 80)),
    row(
      ...['bytes', 'disk of ClickHouse during a rebuild', `${whole(mib(rebuild.before))} MiB`],
      ...[`${whole(mib(rebuild.highest))} MiB, for ${whole(rebuild.seconds)} s`, more.toFixed(2), '', 'stated'],
    ),
  ];
}

function overviewRows({ before, after }) {
  const product = `${mib(after.rss)} MiB (${mib(before.rss)} before)`;
  const what = 'engine, RSS after the overview of 30 days and of a year';
  return [row('memory', what, '', product, '', '≤ 450 MB', verdict(after.rss <= 450e6))];
}

function mixedRows({ minutes, perSecond, first, last, highest, questions, mutations }) {
  const what = `engine, RSS over ${minutes} minutes: ${whole(perSecond)} events/s, eight questions, mutations`;
  const product = `${mib(first)} MiB in the first third, ${mib(last)} in the last, highest ${mib(highest)} (${mutations} mutations, questions ${statuses(questions)})`;
  const change = last / first;
  return [row('mixed', what, '', product, change.toFixed(3), '≤ 1.05', verdict(change <= 1.05))];
}

function productRows({ pss, sum, engineRss }) {
  const parts = Object.entries(pss).map(([name, bytes]) => `${name} ${mib(bytes)}`);
  return [
    row(
      ...['product', 'engine, RSS after the demo', '', `${mib(engineRss)} MiB`, ''],
      ...['≤ 300 MB', verdict(engineRss <= 300e6)],
    ),
    row(
      ...['product', 'whole product idle after the demo, summed PSS', '', `${mib(sum)} MiB (${parts.join(', ')})`, ''],
      ...['≤ 900 MB', verdict(sum <= 900e6)],
    ),
  ];
}

function smallRows({ missing, asked, restarted, peak, killed }) {
  const what = 'demo, replay and every page in 1.5 GB, ENGINE_MEMORY=512M';
  if (missing) return [row('product', what, '', `not run: ${missing}`, '', 'all work', '')];
  const most = peak === undefined ? '' : `, at most ${whole(mib(peak))} MiB with files in memory`;
  const product = `${asked} requests answered, ${killed} processes killed${restarted.length > 0 ? `, ended: ${restarted.join(', ')}` : ''}${most}`;
  return [row('product', what, '', product, '', 'all work', verdict(killed === 0 && restarted.length === 0))];
}
