import { IsArray, IsOptional, IsString, Length, MaxLength, validateSync } from 'class-validator';
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

function agrees(dto: new () => object, fields: object): void {
  const object = Object.assign(new dto(), fields);
  expect(keepsRules(dto, object)).toBe(validateSync(object, { stopAtFirstError: true }).length === 0);
}

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
