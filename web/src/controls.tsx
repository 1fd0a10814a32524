import { type Asked, daysOf, type Filter, type FilterName, type Range, type View } from './url-state.js';

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
export function Controls({ view, zone, set }: { view: View; zone: string; set: (change: Partial<View>) => void }) {
  const { startDate, endDate } = daysOf(view, zone);
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
          <label>
            From
            <input
              type="date"
              value={startDate}
              max={endDate}
              onChange={(event) => set({ from: event.target.value })}
            />
          </label>
          <label>
            To
            <input type="date" value={endDate} min={startDate} onChange={(event) => set({ to: event.target.value })} />
          </label>
        </>
      )}
      <label>
        Time zone
        <select value={zone} onChange={(event) => set({ zone: event.target.value })}>
          {[...new Set(['UTC', zone, ...ZONES])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={view.compare} onChange={(event) => set({ compare: event.target.checked })} />
        Compare with the time before
      </label>
    </div>
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
        <a key={format} href={`/api/analytics/export?${query}&format=${format}`} download>
          {name}
        </a>
      ))}
    </p>
  );
}
