import { InvalidInputError } from '../common/app-error.js';
import { EVENT_BATCH, ONE_EVENT } from './tallystone.format.js';

const fault = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return (error as InvalidInputError).errors;
  }
  throw new Error('Nothing was refused');
};

describe('one event', () => {
  test('the body is the event; the key is taken out under both names, and the first one counts', () => {
    const body = { api_key: 'b', event: 'x', apiKey: 'a' };
    expect(ONE_EVENT.parse(body)).toEqual({ key: 'a', events: [{ event: 'x' }] });
    expect(body).toEqual({ event: 'x' });
    expect(ONE_EVENT.parse({ apiKey: 5, event: 'x' })).toEqual({ key: undefined, events: [{ event: 'x' }] });
  });

  test.each([undefined, null, 5, 'text', [], [{ event: 'x' }]])(
    '%j holds no events, and is refused by check',
    (body) => {
      expect(ONE_EVENT.parse(body)).toEqual({ events: [] });
      expect(fault(() => ONE_EVENT.check(body))).toEqual([{ field: 'body', message: 'must be a JSON object' }]);
      expect(EVENT_BATCH.parse(body)).toEqual({ events: [] });
      expect(fault(() => EVENT_BATCH.check(body))).toEqual([{ field: 'body', message: 'must be a JSON object' }]);
    },
  );

  test('becomes a client event under our names, with times in ms', () => {
    const sent = { event: 'x', distinct_id: 'ann', sent_at: '2026-01-01T00:00:01Z', timestamp: '2026-01-01T00:00:00Z' };
    expect(ONE_EVENT.event({ ...sent, properties: { a: 1 }, referrer: '', url: null }, 50)).toEqual({
      event: 'x',
      userId: 'ann',
      sentAt: Date.UTC(2026, 0, 1, 0, 0, 1),
      timestamp: Date.UTC(2026, 0, 1),
      metadata: { a: 1 },
    });
  });
});

describe('a batch', () => {
  test.each([
    [{ events: [1, 2] }, 2, undefined],
    [{ events: [], sentAt: '2026-01-01T00:00:00Z' }, 0, Date.UTC(2026, 0, 1)],
    [{ events: [1], sent_at: '2026-01-01T00:00:00Z' }, 1, Date.UTC(2026, 0, 1)],
    [{ events: 'many', sentAt: 'soon' }, 0, undefined],
    [{ event: 'x' }, 0, undefined],
  ])('%j', (body, count, sentAt) => {
    const parsed = EVENT_BATCH.parse({ ...body, apiKey: 'k' });
    expect([parsed.events.length, parsed.sentAt, parsed.key]).toEqual([count, sentAt, 'k']);
  });

  test.each([
    [{ events: 'many' }, 'events'],
    [{ events: [] }, 'events'],
    [{ events: [1], sentAt: 'soon' }, 'sentAt'],
    [{ events: [1], favourite: 1 }, 'favourite'],
  ])('check refuses %j', (body, field) => {
    expect(fault(() => EVENT_BATCH.check(body))).toEqual([expect.objectContaining({ field })]);
  });

  test('an event in it that is no object, or holds a key, is refused by name', () => {
    expect(fault(() => EVENT_BATCH.event(5, 50))).toEqual([{ field: 'event', message: 'must be a JSON object' }]);
    expect(fault(() => EVENT_BATCH.event({ event: 'x', apiKey: 'k' }, 50))).toEqual([
      expect.objectContaining({ field: 'apiKey' }),
    ]);
  });

  test('without a good event the request is refused, with every error and its place', () => {
    const error = new InvalidInputError([{ field: 'event', message: 'must be a string' }], 'some_code');
    const rejected = [{ index: 3, step: 'parse' as const, error, errors: error.errors! }];
    expect(() => EVENT_BATCH.answer({ accepted: [], rejected })).toThrow(
      expect.objectContaining({
        code: 'some_code',
        errors: [{ field: 'events[3].event', message: 'must be a string' }],
      }),
    );
  });
});
