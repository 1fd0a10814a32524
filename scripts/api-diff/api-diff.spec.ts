import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedDocuments } from './baseline.mjs';
import { deprecatedNames, unnamedChanges } from './changelog.mjs';
import { compareDocuments } from './compare-documents.mjs';
import { changelogFaults, deprecationFaults } from './deprecations.mjs';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- documents are changed at will
type Part = Record<string, any>;

const BASELINE = JSON.parse(readFileSync(join('docs', 'openapi', '0.2.0.json'), 'utf8')) as Part;
const RELEASES = ['0.2.0'];

/** The OpenAPI document of the last release, changed. */
function changed(change: (document: Part) => void, base: Part = BASELINE): Part {
  const document = structuredClone(base);
  change(document);
  return document;
}

const schema = (document: Part, name: string): Part => document.components.schemas[name];
const property = (document: Part, name: string, of: string): Part => schema(document, of).properties[name];
const summary = (document: Part): Part => document.paths['/api/analytics/event-summary'].get;
const parameter = (document: Part, name: string): Part =>
  summary(document).parameters.find((one: Part) => one.name === name);
const without = (list: unknown[], value: unknown): unknown[] => list.filter((one) => one !== value);

/** @returns what breaks where the baseline and its successor are changed */
function breaks(after: (document: Part) => void, before: (document: Part) => void = () => undefined): string[] {
  const base = changed(before);
  return [...compareDocuments(base, changed(after, base), RELEASES).breaks];
}

describe('breaks', () => {
  it.each<[what: string, after: (document: Part) => void, said: string]>([
    ['a removed path', (d) => delete d.paths['/health'], 'GET /health: the operation is removed'],
    ['a removed operation', (d) => delete d.paths['/api/apps/{id}'].patch, 'PATCH /api/apps/{id}: the operation'],
    [
      'another operation id',
      (d) => (summary(d).operationId = 'summary'),
      'operation id getEventSummary became summary',
    ],
    ['a removed parameter', (d) => (summary(d).parameters = summary(d).parameters.slice(1)), 'is removed'],
    ['a parameter that becomes required', (d) => (parameter(d, 'event').required = true), 'event is now required'],
    [
      'a new required parameter',
      (d) => summary(d).parameters.push({ name: 'unit', in: 'query', required: true, schema: { type: 'string' } }),
      'the parameter unit is new and required',
    ],
    ['a narrower length', (d) => (parameter(d, 'event').schema.maxLength = 64), 'maxLength 128 became 64'],
    ['a limit where there was none', (d) => (property(d, 'url', 'EventDto').minLength = 5), 'minLength none became 5'],
    ['a pattern', (d) => (property(d, 'userId', 'EventDto').pattern = '^u'), 'pattern none became ^u'],
    ['a format that is asked for', (d) => (property(d, 'url', 'EventDto').format = 'uri'), 'none became uri'],
    ['another type in a request', (d) => (property(d, 'event', 'EventDto').type = 'integer'), 'string became integer'],
    ['another type in an answer', (d) => (property(d, 'count', 'EventSummaryDto').type = 'string'), 'became string'],
    ['an integer with fractions', (d) => (property(d, 'count', 'EventSummaryDto').type = 'number'), 'became number'],
    ['an answer of any type', (d) => delete property(d, 'count', 'EventSummaryDto').type, 'integer became none'],
    ['another format', (d) => (property(d, 'asOf', 'EventSummaryDto').format = 'date'), 'date-time became date'],
    ['a format less', (d) => delete property(d, 'asOf', 'EventSummaryDto').format, 'date-time became none'],
    ['a removed field of an answer', (d) => delete schema(d, 'EventSummaryDto').properties.count, 'count is removed'],
    ['a removed field of a request', (d) => delete schema(d, 'EventDto').properties.sessionId, 'sessionId is removed'],
    [
      'a field of an answer that may be missing',
      (d) => (schema(d, 'EventSummaryDto').required = without(schema(d, 'EventSummaryDto').required, 'count')),
      'count may now be missing',
    ],
    ['a field that may be null', (d) => (property(d, 'count', 'EventSummaryDto').nullable = true), 'may now be null'],
    [
      'a field that may be null, as OpenAPI 3.1 says it',
      (d) => (property(d, 'count', 'EventSummaryDto').type = ['integer', 'null']),
      'may now be null',
    ],
    ['null refused', (d) => (property(d, 'url', 'RegisterAppDto').nullable = false), 'null is not taken any more'],
    ['a newly required field', (d) => schema(d, 'EventDto').required.push('userId'), 'userId is now required'],
    [
      'a new required field',
      (d) => {
        schema(d, 'EventDto').properties.kind = { type: 'string' };
        schema(d, 'EventDto').required.push('kind');
      },
      'kind is new and required',
    ],
    [
      'a value that is not taken any more',
      (d) => (property(d, 'ipMode', 'ChangeAppDto').enum = ['truncated', 'full']),
      'the value none is not taken any more',
    ],
    ['values listed for free text', (d) => (property(d, 'url', 'EventDto').enum = ['/']), 'takes fewer values'],
    ['any value where some were listed', (d) => delete property(d, 'status', 'ReceiptDto').enum, 'any value'],
    ['fields that may not be added', (d) => (schema(d, 'EventDto').additionalProperties = false), 'other properties'],
    ['a removed status', (d) => delete summary(d).responses['200'], 'the status is removed'],
    [
      'a removed media type',
      (d) => delete d.paths['/api/analytics/export'].get.responses['200'].content['text/csv'],
      'text/csv is removed',
    ],
    ['a removed header', (d) => delete summary(d).responses['200'].headers['X-Request-Id'], 'X-Request-Id is removed'],
    ['a token where none was needed', (d) => (d.paths['/health'].get.security = [{ userToken: [] }]), 'no token'],
    ['a token less', (d) => (summary(d).security = [{ userToken: [] }]), 'analyticsToken is not enough any more'],
    ['another token', (d) => (d.components.securitySchemes.analyticsToken.name = 'x-key'), 'security scheme changed'],
    [
      'a body that becomes required',
      (d) => (d.paths['/health'].get.requestBody = { required: true, content: {} }),
      'a body is now required',
    ],
    ['a removed body', (d) => delete d.paths['/api/apps'].post.requestBody, 'a body is not taken any more'],
    [
      'another way to write a list',
      (d) => (parameter(d, 'event').explode = false),
      'the parameter event is written in another way',
    ],
  ])('%s', (_what, after, said) => {
    expect(breaks(after)).toContainEqual(expect.stringContaining(said));
  });

  it.each<[what: string, after: (document: Part) => void, before: (document: Part) => void, said: string]>([
    [
      'a default that changes',
      (d) => (parameter(d, 'event').schema.default = 'b'),
      (d) => (parameter(d, 'event').schema.default = 'a'),
      'the default a became b',
    ],
    [
      'a change inside of what is referred to by allOf',
      (d) => delete schema(d, 'DeviceDataDto').properties.bot,
      (d) =>
        (schema(d, 'EventSummaryDto').properties.deviceData = {
          allOf: [{ $ref: '#/components/schemas/DeviceDataDto' }],
        }),
      'bot is removed',
    ],
    [
      'a new alternative in an answer',
      (d) => property(d, 'count', 'EventSummaryDto').oneOf.push({ type: 'boolean' }),
      (d) => (schema(d, 'EventSummaryDto').properties.count = { oneOf: [{ type: 'integer' }, { type: 'string' }] }),
      'oneOf has new schemas',
    ],
    [
      'an alternative that is not taken any more',
      (d) => property(d, 'url', 'EventDto').anyOf.pop(),
      (d) => (schema(d, 'EventDto').properties.url = { anyOf: [{ type: 'integer' }, { type: 'string' }] }),
      'anyOf takes fewer schemas',
    ],
    [
      'a limit that is now exclusive',
      (d) => (parameter(d, 'event').schema.exclusiveMinimum = true),
      (d) => (parameter(d, 'event').schema = { type: 'integer', minimum: 1 }),
      'exclusiveMinimum none became 1',
    ],
  ])('%s', (_what, after, before, said) => {
    expect(breaks(after, before)).toContainEqual(expect.stringContaining(said));
  });
});

describe('does not break', () => {
  it.each<[what: string, after: (document: Part) => void]>([
    ['no change', () => undefined],
    [
      'other texts and examples',
      (d) => {
        property(d, 'event', 'EventDto').description = 'Another text';
        property(d, 'event', 'EventDto').example = 'other';
        summary(d).summary = 'Another text';
      },
    ],
    [
      'a number that becomes an integer in an answer',
      (d) => (property(d, 'share', 'BreakdownRowDto').type = 'integer'),
    ],
    ['an answer that is never null any more', (d) => delete property(d, 'uniqueUsers', 'EventSummaryDto').nullable],
    ['a wider limit', (d) => (parameter(d, 'event').schema.maxLength = 256)],
    ['a field that is no longer required', (d) => (schema(d, 'EventDto').required = [])],
    ['another way in', (d) => summary(d).security.push({})],
  ])('%s', (_what, after) => {
    expect(breaks(after)).toEqual([]);
  });

  it('a number that becomes an integer in a request', () => {
    const before = (d: Part): unknown => (parameter(d, 'event').schema = { type: 'number' });
    expect(breaks((d) => (parameter(d, 'event').schema.type = 'integer'), before)).toEqual([]);
  });
});

describe('additions', () => {
  const additions = (after: (document: Part) => void): Map<string, string> =>
    compareDocuments(BASELINE, changed(after), RELEASES).additions;

  it.each<[what: string, after: (document: Part) => void, name: string]>([
    ['an operation', (d) => (d.paths['/api/goals'] = { get: { operationId: 'listGoals' } }), '/api/goals'],
    ['a parameter', (d) => summary(d).parameters.push({ name: 'bots', in: 'query', schema: {} }), 'bots'],
    ['a field of an answer', (d) => (schema(d, 'PersonEventDto').properties.occurredAt = {}), 'occurredAt'],
    ['a field of a request', (d) => (schema(d, 'EventDto').properties.kind = {}), 'kind'],
    ['a value', (d) => property(d, 'ipMode', 'ChangeAppDto').enum.push('hashed'), 'hashed'],
    ['a status', (d) => (summary(d).responses['418'] = { description: '' }), '418'],
    ['a header', (d) => (summary(d).responses['200'].headers.Link = {}), 'Link'],
  ])('%s has to be named', (_what, after, name) => {
    expect([...additions(after).values()]).toContain(name);
  });

  const changelog = (text: string): string =>
    `# Changelog\n\n## Unreleased\n\n${text}\n\n## 0.2.0\n\n- \`ip\` long ago\n`;

  it.each([
    ['- The export has `ip`.', []],
    ['- The export has `occurredAt, ip`.', []],
    ['- The export has ip, and `zip`.', ['export is new: CHANGELOG.md has to name it under Unreleased, as `ip`']],
    ['', ['export is new: CHANGELOG.md has to name it under Unreleased, as `ip`']],
  ])('in the changelog: %j', (text, said) => {
    expect(unnamedChanges(new Map([['export', 'ip']]), changelog(text), '0.3.0')).toEqual(said);
  });

  it('are looked for in the section of a release that is being made', () => {
    const text = '## Unreleased\n\n## 0.3.0 - 2026-12-24\n\n- `ip`\n\n## 0.2.0 - 2026-11-30\n\n- `id`\n';
    expect(unnamedChanges(new Map([['export', 'ip']]), text, '0.3.0')).toEqual([]);
    expect(unnamedChanges(new Map([['export', 'id']]), text, '0.3.0')).toHaveLength(1);
  });

  it('need a mention each', () => {
    const changes = new Map([
      ['DeadLetterDto: id', 'id'],
      ['ReceiptDto: id', 'id'],
    ]);
    for (const version of ['0.3.0', 'Unreleased']) {
      expect(unnamedChanges(changes, changelog('- Dead letters have `id`.'), version)).toHaveLength(1);
    }
    expect(unnamedChanges(changes, changelog('- Dead letters have `id`, receipts `id`.'), '0.3.0')).toEqual([]);
  });

  it('are looked for where Unreleased is the last section', () => {
    expect(unnamedChanges(new Map([['export', 'ip']]), '## Unreleased\n\n- `ip`\n', '0.3.0')).toEqual([]);
  });
});

describe('deprecation', () => {
  const timestamp = (d: Part): Part => property(d, 'timestamp', 'PersonEventDto');
  const deprecate = (d: Part): unknown =>
    Object.assign(timestamp(d), { deprecated: true, 'x-deprecated-since': '0.3.0' });
  const removeIt = (d: Part): unknown => delete schema(d, 'PersonEventDto').properties.timestamp;

  it.each([
    [['0.2.0', '0.3.0'], false],
    [['0.2.0', '0.3.0', '0.3.1', '0.3.2'], false],
    [['0.2.0', '0.3.0', '0.4.0'], true],
    [['0.3.0', '0.10.0'], true],
    // The first number counts no less than the second.
    [['0.3.0', '1.0.0'], true],
  ])('after the releases %j the field may go: %s', (releases, may) => {
    const before = changed(deprecate);
    const { breaks: found } = compareDocuments(before, changed(removeIt, before), releases);
    expect([...found]).toEqual(may ? [] : [expect.stringMatching(/timestamp is removed; deprecated since 0\.3\.0/)]);
  });

  it('does not excuse the removal of a field that the last release did not mark', () => {
    expect(breaks(removeIt)).toEqual(['PersonEventDto (response): timestamp is removed']);
  });

  it('is marked with the release that begins it, which does not change', () => {
    const faults = (after: Part, before = BASELINE): string[] => deprecationFaults(before, after, '0.3.0');
    const since = (release?: string): Part =>
      changed((d) => Object.assign(timestamp(d), { deprecated: true, 'x-deprecated-since': release }));
    expect(faults(since('0.3.0'))).toEqual([]);
    expect(faults(since())).toEqual([expect.stringContaining('deprecated without x-deprecated-since')]);
    expect(faults(since('0.4.0'))).toEqual([expect.stringContaining('later than 0.3.0')]);
    expect(faults(since('0.1.0'))).toEqual([expect.stringContaining('newly deprecated, so since 0.3.0')]);
    expect(faults(since('0.2.0'), since('0.3.0'))).toEqual([expect.stringContaining('now said to be since 0.2.0')]);
  });

  it('has to be named in the changelog, and what that names has to be deprecated', () => {
    const name = 'PersonEventDto.timestamp';
    const marked = changed(deprecate);
    const ask = (before: Part, after: Part, ...named: string[]): string[] => changelogFaults(before, after, named);
    expect(ask(BASELINE, marked)).toEqual([expect.stringContaining(`has to name it under Deprecated, as \`${name}\``)]);
    expect(ask(BASELINE, marked, name, 'occurredAt')).toEqual([]);
    // The mark is taken back before its release, and after it.
    expect(ask(BASELINE, BASELINE, name)).toEqual([
      `CHANGELOG.md says that ${name} is deprecated; the document does not`,
    ]);
    expect(ask(marked, BASELINE)).toEqual([`${name} was deprecated in the last release, and no longer is`]);
    expect(ask(marked, marked)).toEqual([]);
    expect(ask(marked, changed(removeIt, marked))).toEqual([]);
  });

  it.each<[name: string, part: (document: Part) => Part]>([
    ['GET /api/analytics/event-summary', summary],
    ['GET /api/analytics/event-summary?event', (d) => parameter(d, 'event')],
    ['EventSummaryDto', (d) => schema(d, 'EventSummaryDto')],
  ])('of %s is named like that', (name, part) => {
    const after = changed((d) => Object.assign(part(d), { deprecated: true, 'x-deprecated-since': '0.3.0' }));
    expect(changelogFaults(BASELINE, after, [name])).toEqual([]);
    expect(changelogFaults(BASELINE, after, [])).toEqual([expect.stringContaining(`as \`${name}\``)]);
  });

  it('is read from the section Deprecated of the next release', () => {
    const list = (version: string, name: string): string =>
      `## ${version}\n\n### Added\n\n- \`ip\`\n\n### Deprecated\n\n- \`${name}\` (use \`ip\`)\n\n### Fixed\n\n- \`x\`\n\n`;
    const text = list('Unreleased', 'GET /api/a') + list('0.3.0 - 2026-12-24', 'B.c') + list('0.2.0', 'D.e');
    expect(deprecatedNames(text, 'Unreleased')).toEqual(['GET /api/a', 'ip']);
    expect(deprecatedNames(text, '0.3.0')).toEqual(['GET /api/a', 'ip', 'B.c', 'ip']);
  });

  it('knows a parameter again whose place changed', () => {
    const before = changed((d) =>
      Object.assign(parameter(d, 'event'), { deprecated: true, 'x-deprecated-since': '0.2.0' }),
    );
    const after = changed((d) => summary(d).parameters.reverse(), before);
    expect(deprecationFaults(before, after, '0.4.0')).toEqual([]);
  });
});

it('a kept document that was changed after its release is noticed', () => {
  const openapi = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
  const release = { version: '0.3.0', date: '2026-12-24', commit: '', openapi };
  expect(changedDocuments([release], () => Buffer.from('{}'))).toEqual([]);
  expect(changedDocuments([release], () => Buffer.from('{ }'))).toEqual([
    expect.stringContaining('docs/openapi/0.3.0.json is not the released document'),
  ]);
});
