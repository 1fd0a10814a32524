import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Schemas } from './api.js';
import { axisText, bucketText, type Tick, ticksOf } from './axis.js';
import { figure as short, full } from './format.js';

type Series = Schemas['SeriesDto'];
type Bucket = Schemas['BucketDto'];

const HEIGHT = 200;
/** What lies between two grid lines: there is no half of an event. */
const WHOLE_NUMBERS = Array.from({ length: 39 }, (_none, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3));

/** Counts over time: a line with a faint fill, the period before dashed, the bucket that is not over yet dotted. */
export function SeriesChart({ series, figure }: { series: Series; figure: 'count' | 'uniqueUsers' }) {
  const [asTable, setAsTable] = useState(false);
  const [now, before] = [series.series[0]!.buckets, series.series[0]!.previous?.buckets];
  const clock = new Date().toISOString();
  const begun = now.filter(({ start }) => start <= clock).length;
  return (
    <>
      <button type="button" className="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
        {asTable ? 'Show as a chart' : 'Show as a table'}
      </button>
      {asTable ? (
        <BucketTable now={now.slice(0, begun)} before={before} figure={figure} />
      ) : (
        <Lines now={now} begun={begun} before={before} figure={figure} interval={series.interval} />
      )}
    </>
  );
}

function Lines({
  now,
  begun,
  before,
  figure,
  interval,
}: {
  now: Bucket[];
  interval: Series['interval'];
  /** How many of these have begun: of the others there is nothing to draw. */
  begun: number;
  before?: Bucket[];
  figure: 'count' | 'uniqueUsers';
}) {
  const place = useRef<HTMLDivElement>(null);
  const [under, setUnder] = useState<number | null>(null);
  const [ticks, setTicks] = useState<Tick[]>([]);
  useEffect(() => {
    const element = place.current!;
    const labels = now.map(({ label }) => label);
    const texts = labels.map((label) => axisText(label, interval, labels));
    const measure = measurer(element);
    const label = (chart: uPlot) => {
      const left = chart.bbox.left / devicePixelRatio;
      const at = now.map((_bucket, i) => left + chart.valToPos(i, 'x'));
      setTicks(ticksOf(texts, at, interval, element.clientWidth, measure));
    };
    const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
    const values = (buckets: Bucket[]) => buckets.map((bucket) => bucket[figure]);
    const running = now.findIndex(({ complete }) => !complete);
    const whole = running < 0 ? values(now) : values(now).map((n, i) => (i < running ? n : null));
    const isOpen = (i: number) => running >= 0 && i >= running - 1 && i < begun;
    const open = values(now).map((n, i) => (isOpen(i) ? n : null));
    const past = now.map((_bucket, i) => before?.[i]?.[figure] ?? null);
    const grid = { stroke: () => colour('--line'), width: 1 };
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: false }, y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.05)] } },
        axes: [
          {
            // Its labels are text of the page: they are measured, so that none covers another.
            show: false,
          },
          {
            stroke: () => colour('--muted'),
            grid,
            size: 60,
            incrs: WHOLE_NUMBERS,
            values: (_chart, at) => at.map(short),
          },
        ],
        series: [
          {},
          {
            stroke: () => colour('--accent'),
            width: 2,
            fill: () => `${colour('--accent')}1a`,
            points: { show: now.length === 1 },
          },
          { stroke: () => colour('--accent'), width: 2, dash: [2, 4], points: { show: running === 0 } },
          { stroke: () => colour('--second'), width: 1.5, dash: [6, 4], points: { show: false } },
        ],
        hooks: { draw: [label], setCursor: [(chart) => setUnder(chart.cursor.idx ?? null)] },
      },
      [now.map((_bucket, i) => i), whole, open, past],
      element,
    );
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => chart.redraw();
    dark.addEventListener('change', redraw);
    return () => {
      dark.removeEventListener('change', redraw);
      resized.disconnect();
      chart.destroy();
    };
  }, [now, begun, before, figure, interval]);
  const last = Math.max(0, begun - 1);
  const shown = Math.min(under ?? last, last);
  const step = (by: number) => setUnder(Math.min(last, Math.max(0, shown + by)));
  return (
    <div
      className="chart"
      role="group"
      tabIndex={0}
      aria-label="Chart over time. Left and right arrows go from bucket to bucket."
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') step(-1);
        if (event.key === 'ArrowRight') step(1);
      }}
    >
      <div ref={place} className="plot" aria-hidden="true" />
      <ol className="axis" aria-hidden="true">
        {ticks.map(({ text, left }) => (
          <li key={left} style={{ left }}>
            {text}
          </li>
        ))}
      </ol>
      <p className="under" aria-live="polite">
        <strong>{now[shown] && bucketText(now[shown].label)}</strong> {full(now[shown]?.[figure] ?? 0)}
        {before && (
          <span className="second">
            {' '}
            · before{before[shown] && `, ${bucketText(before[shown].label)}`}: {full(before[shown]?.[figure] ?? 0)}
          </span>
        )}
        {now[shown] && !now[shown].complete && <span className="muted"> · not over yet</span>}
      </p>
    </div>
  );
}

/** @returns the width of a text in the font that the axis has, CSS pixels */
function measurer(element: HTMLElement): (text: string) => number {
  const context = document.createElement('canvas').getContext('2d')!;
  context.font = `12px ${getComputedStyle(element).fontFamily}`;
  return (text) => Math.ceil(context.measureText(text).width);
}

function BucketTable({ now, before, figure }: { now: Bucket[]; before?: Bucket[]; figure: 'count' | 'uniqueUsers' }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Values over time">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="number">
              {figure === 'count' ? 'Events' : 'Users'}
            </th>
            {before && (
              <th scope="col" className="number">
                Before
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {now.map((bucket, i) => (
            <tr key={bucket.start}>
              <th scope="row">
                {bucketText(bucket.label)}
                {!bucket.complete && <span className="muted"> · not over yet</span>}
              </th>
              <td className="number">{full(bucket[figure])}</td>
              {before && <td className="number">{full(before[i]?.[figure] ?? 0)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
