import { useQuery } from '@tanstack/react-query';
import { api, data, type Schemas } from './api.js';
import { bytes, duration, figure, full, tenths } from './format.js';
import { NumberCell, Panel } from './panels.js';
import { useReady } from './server-notice.js';

type Ready = Schemas['ReadyDto'];
type Figures = Schemas['OperationDto'];

const EVERY_MS = 5000;

const STATUS: Record<Ready['status'], string> = {
  ok: 'Yes: events are taken and counted',
  degraded: 'Events are taken, but not counted as they should be',
  unavailable: 'No: events are refused with 503 now; the script keeps them and sends them later',
};

/** What each state of a check means, and what to do about it. */
const CHECKS: { [K in keyof Required<Ready['checks']>]: [name: string, states: Record<string, string>] } = {
  redis: [
    'Redis',
    {
      ok: 'answers',
      away: 'does not answer: start it, or look at REDIS_URL',
      refuses_writes: 'refuses writes: it is full, a replica, or cannot write to its disk',
    },
  ],
  mysql: ['MySQL', { ok: 'answers', away: 'does not answer: events wait in Redis until it does' }],
  backlog: [
    'Backlog',
    {
      ok: 'is being worked off',
      full: 'is full: nothing more is taken until it is smaller',
      old: 'waits too long: is the worker running, and does MySQL keep up?',
      unknown: 'cannot be seen while Redis is away',
    },
  ],
  worker: [
    'Worker',
    {
      ok: 'runs',
      unseen: 'was not seen lately: start one with npm run start:worker',
      unknown: 'cannot be seen while Redis is away',
    },
  ],
  revocations: ['Revoked keys', { ok: 'are known', unknown: 'are not known: no key is taken until MySQL answers' }],
};

const DURABILITY: Record<Ready['durability'], string> = {
  fsync: 'is on Redis’s disk',
  vouched: 'is as safe as whoever runs Redis vouches for (REDIS_DURABILITY=vouched)',
  relaxed: 'survives the death of our processes, not that of Redis (REDIS_DURABILITY=relaxed)',
};

/** Whether everything runs, in words; for everybody. */
export function Running() {
  const ready = useReady();
  return (
    <Panel title="Is everything running?" query={ready}>
      {({ status, checks, durability }) => (
        <>
          <p>
            <strong className={status === 'ok' ? undefined : 'warning'}>{STATUS[status]}</strong>
          </p>
          <ul className="plain">
            {(Object.keys(CHECKS) as (keyof typeof CHECKS)[]).map((name) => {
              const state = checks[name];
              const [title, states] = CHECKS[name];
              return (
                state && (
                  <li key={name} className={state === 'ok' ? undefined : 'warning'}>
                    {title} {states[state]}
                  </li>
                )
              );
            })}
            <li className={durability === 'relaxed' ? 'warning' : undefined}>
              An event that was answered 202 {DURABILITY[durability]}
            </li>
          </ul>
        </>
      )}
    </Panel>
  );
}

const RATE_NAMES: Record<number, string> = { 1: 'Last minute', 60: 'Last hour', 1440: 'Last day' };

/** The installation's figures, for operators. */
export function Installation() {
  const figures = useQuery({
    queryKey: ['operation'],
    queryFn: () => data(api.GET('/api/operation')),
    refetchInterval: EVERY_MS,
  });
  return (
    <Panel title="The installation, for operators" query={figures}>
      {(now) => (
        <>
          {now.untrustedForwarded > 0 && <UntrustedProxy requests={now.untrustedForwarded} />}
          <div className="figures">
            {now.backlog ? <BacklogFigures backlog={now.backlog} /> : <p className="warning">Redis is away.</p>}
            {now.readModel && <CopyFigures copy={now.readModel} />}
            <Tile name="Dead letters of all owners" value={figure(now.deadLetters)} title={full(now.deadLetters)} />
          </div>
          <Rates rates={now.rates} />
        </>
      )}
    </Panel>
  );
}

function UntrustedProxy({ requests }: { requests: number }) {
  return (
    <p role="status" className="warning">
      {full(requests)} requests brought a forwarded header from an address that TRUSTED_PROXIES does not name, since
      this process started; the header was ignored. If that is your proxy, name its address there: until then all
      visitors share it.
    </p>
  );
}

function BacklogFigures({ backlog }: { backlog: NonNullable<Figures['backlog']> }) {
  const { events, oldestAgeMs, workerSeenAgeMs } = backlog;
  return (
    <>
      <Tile
        name="Waiting to be counted"
        value={figure(events)}
        title={full(events)}
        under={`${bytes(backlog.bytes)} of ${bytes(backlog.maxBytes)}`}
      />
      <Tile name="The oldest waits for" value={oldestAgeMs === null ? '–' : duration(oldestAgeMs)} />
      <Tile name="A worker was seen" value={workerSeenAgeMs === null ? 'never' : `${duration(workerSeenAgeMs)} ago`} />
    </>
  );
}

const COPY: Record<NonNullable<Figures['readModel']>['state'], string> = {
  off: 'not reached yet',
  filling: 'being filled',
  rebuilding: 'being rebuilt',
  complete: 'complete',
};

function CopyFigures({ copy }: { copy: NonNullable<Figures['readModel']> }) {
  const { state, filled, total, waiting, oldestWaitingAgeMs } = copy;
  const percent = total > 0 ? ` (${Math.min(100, Math.floor((filled / total) * 100))} %)` : '';
  const oldest = oldestWaitingAgeMs === null ? '' : `, the oldest for ${duration(oldestWaitingAgeMs)}`;
  return (
    <Tile
      name="Copy in ClickHouse"
      value={COPY[state] + percent}
      title={total > 0 ? `${full(filled)} of about ${full(total)} events` : undefined}
      under={waiting === 0 ? 'nothing waits to be copied' : `${full(waiting)} events wait to be copied${oldest}`}
    />
  );
}

function Tile({
  name,
  value,
  title,
  under,
}: {
  name: string;
  value: string;
  title?: string | undefined;
  under?: string;
}) {
  return (
    <div className="figure">
      <span className="name">{name}</span>
      <span className="value" title={title}>
        {value}
      </span>
      {under && <span className="small muted">{under}</span>}
    </div>
  );
}

function Rates({ rates }: { rates: Figures['rates'] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="What was committed">
      <table>
        <thead>
          <tr>
            <th scope="col">Committed in the</th>
            {['Received', 'Stored', 'A second', 'Again', 'Dead letters', 'Erased'].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rates.map(({ minutes, received, inserted, duplicated, dead, erased }) => (
            <tr key={minutes}>
              <th scope="row">{RATE_NAMES[minutes] ?? `last ${minutes} minutes`}</th>
              <NumberCell n={received} />
              <NumberCell n={inserted} />
              <td className="number">{tenths(inserted / (minutes * 60))}</td>
              <NumberCell n={duplicated} />
              <NumberCell n={dead} />
              <NumberCell n={erased} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
