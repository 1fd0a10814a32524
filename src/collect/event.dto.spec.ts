import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { keepsRules } from '../common/compiled-rules.js';
import { EventDto } from './event.dto.js';

const values = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.string({ maxLength: 3000, size: 'max' }),
  fc.constantFrom(
    null,
    undefined,
    '',
    '\ud800',
    'a\0b',
    1,
    true,
    [],
    {},
    { a: Infinity },
    '192.168.1.1',
    'fe80::1%eth0',
    '☎\ufe0f'.repeat(100),
    '2024-02-30T00:00:00Z',
  ),
  fc.constantFrom('2024-02-20T12:34:56Z', '::1', { deep: { er: ['x'] } }),
);

test('the gathered rules say yes exactly where class-validator finds nothing wrong', () => {
  const names = [
    'event',
    'eventId',
    'timestamp',
    'userId',
    'url',
    'device',
    'userAgent',
    'ipAddress',
    'metadata',
    'sentAt',
  ];
  const field = fc.tuple(fc.constantFrom(...names), values).map(([name, value]) => ({ [name]: value }));
  fc.assert(
    fc.property(fc.array(field, { maxLength: 4 }), (fields) => {
      const event = Object.assign(new EventDto(), { event: 'x' }, ...fields) as object;
      expect(keepsRules(EventDto, event)).toBe(validateSync(event, { stopAtFirstError: true }).length === 0);
    }),
    { numRuns: 2000 },
  );
});
