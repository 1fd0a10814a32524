import { IsArray, IsOptional, IsString, Length, MaxLength, validateSync } from 'class-validator';
import fc from 'fast-check';
import { EventDto } from '../collect/event.dto.js';
import { keepsRules } from './compiled-rules.js';

class Parent {
  @IsString()
  @MaxLength(3)
  name?: unknown;
}
class Child extends Parent {
  @IsOptional()
  @Length(2, 4)
  more?: unknown;
}
class Grouped {
  @IsString({ groups: ['some'] })
  name?: unknown;
}
class EachOf {
  @IsArray()
  @IsString({ each: true })
  names?: unknown;
}
class Bare {
  name?: unknown;
}

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
    '2024-02-30T00:00:00Z',
  ),
  fc.constantFrom('2024-02-20T12:34:56Z', '::1', { deep: { er: ['x'] } }),
);

function agrees(dto: new () => object, fields: object): void {
  const object = Object.assign(new dto(), fields);
  expect(keepsRules(dto, object)).toBe(validateSync(object, { stopAtFirstError: true }).length === 0);
}

test('says yes exactly where class-validator finds nothing wrong', () => {
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
      agrees(EventDto, Object.assign({}, { event: 'x' }, ...fields));
    }),
    { numRuns: 2000 },
  );
});

test('knows the rules of the class that a DTO extends', () => {
  const cases = [
    { name: 'abc' },
    { name: 'abcd' },
    { name: 'a', more: 'b' },
    { name: 'a', more: 'bc' },
    { more: 'bc' },
  ];
  for (const fields of cases) agrees(Child, fields);
});

test('says no where it does not know a rule: class-validator decides', () => {
  expect(keepsRules(Grouped, Object.assign(new Grouped(), { name: 'x' }))).toBe(false);
  expect(keepsRules(EachOf, Object.assign(new EachOf(), { names: ['x'] }))).toBe(false);
  expect(keepsRules(Bare, new Bare())).toBe(false);
});
