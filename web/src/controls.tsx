import { useEffect, useState } from 'react';
import { reachable } from './addresses.js';
import { DownloadLink } from './panels.js';
import type { Asked, Filter, FilterName, Range, View } from './url-state.js';

const RANGE_NAMES: Record<Range, string> = {
  today: 'Today',
  '7d': '7 days',
  '30d': '30 days',
  '90d': '90 days',
  custom: 'Custom',
};
const ZONES = Intl.supportedValuesOf('timeZone');

const FILTER_NAMES: Record<FilterName, string> = {
  event: 'Event',
  url: 'Page',
  referrerHost: 'Referrer',
  device: 'Device',
  browser: 'Browser',
  os: 'System',
  utmSource: 'Campaign source',
};
const FORMATS = [
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
] as const;

/** Range, zone and comparison of the view. */
export function Controls({ view, asked, set }: { view: View; asked: Asked; set: (change: Partial<View>) => void }) {
  const { startDate, endDate, timezone: zone } = asked;
  return (
    <div className="controls" role="group" aria-label="What is shown">
      <div className="segments" role="group" aria-label="Range">
        {(Object.keys(RANGE_NAMES) as Range[]).map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={view.range === range}
            onClick={() => set({ range, ...(range === 'custom' ? { from: startDate, to: endDate } : {}) })}
          >
            {RANGE_NAMES[range]}
          </button>
        ))}
      </div>
      {view.range === 'custom' && (
        <>
          <Day name="From" value={startDate} max={endDate} set={(from) => set({ from, to: endDate })} />
          <Day name="To" value={endDate} min={startDate} set={(to) => set({ from: startDate, to })} />
        </>
      )}
      <label>
        Time zone
        <select value={zone} onChange={(event) => set({ zone: event.target.value })}>
          <ZoneOptions zone={zone} />
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={view.compare} onChange={(event) => set({ compare: event.target.checked })} />
        Compare with the time before
      </label>
    </div>
  );
}

/** All zones that the browser knows, and the one that is chosen. */
export function ZoneOptions({ zone }: { zone: string }) {
  return [...new Set(['UTC', zone, ...ZONES])].map((name) => <option key={name}>{name}</option>);
}

const EARLIEST = '2000-01-01';
const LATEST = '2999-12-31';

/** A day to be typed or picked: it counts as soon as it is whole, so that a year can be typed digit by digit. */
function Day({
  name,
  value,
  min = EARLIEST,
  max = LATEST,
  set,
}: {
  name: string;
  value: string;
  min?: string;
  max?: string;
  set: (day: string) => void;
}) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return (
    <label>
      {name}
      <input
        type="date"
        value={draft}
        min={min}
        max={max}
        onChange={({ target }) => {
          setDraft(target.value);
          if (target.value >= min && target.value <= max && target.value >= EARLIEST) set(target.value);
        }}
        onBlur={() => setDraft(value)}
      />
    </label>
  );
}

/** The filters of the view, each to be taken away. */
export function Chips({ filters, set }: { filters: readonly Filter[]; set: (filters: Filter[]) => void }) {
  if (filters.length === 0) return null;
  return (
    <ul className="chips" aria-label="Filters">
      {filters.map((filter, i) => (
        <li key={`${filter.name} ${filter.value}`}>
          {FILTER_NAMES[filter.name]} is {filter.value}
          <button
            type="button"
            aria-label={`Remove the filter ${FILTER_NAMES[filter.name]}`}
            onClick={() => set(filters.filter((_one, at) => at !== i))}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What is shown, as a file. */
export function Download({ asked, view, event }: { asked: Asked; view: View; event?: string }) {
  const query = new URLSearchParams({ ...asked });
  const filters = event === undefined ? view.filters : [...view.filters, { name: 'event', value: event }];
  for (const { name, value } of filters) query.append(name, value);
  return (
    <p className="small muted">
      These events as a file:{' '}
      {FORMATS.map(([format, name]) => (
        <DownloadLink key={format} href={reachable(`/api/analytics/export?${query}&format=${format}`)}>
          {name}
        </DownloadLink>
      ))}
    </p>
  );
}
