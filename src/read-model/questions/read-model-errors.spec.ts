import { ClickHouseError } from '@clickhouse/client';
import { clickHouseRefusal } from './read-model-errors.js';

const refusal = (type: string, message = 'text') =>
  clickHouseRefusal(new ClickHouseError({ message, code: '1', type }));

test.each([
  ['TIMEOUT_EXCEEDED', 503, 'question_too_long', '30'],
  ['TOO_MANY_SIMULTANEOUS_QUERIES', 503, 'read_model_busy', '2'],
  ['QUERY_IS_PROHIBITED', 503, 'question_refused', '600'],
  ['AUTHENTICATION_FAILED', 503, 'read_model_unavailable', '2'],
  ['UNKNOWN_TABLE', 503, 'read_model_unavailable', '2'],
])('%s is %d %s, to be tried again after %s s', (type, status, code, retryAfter) => {
  expect(refusal(type)).toMatchObject({ status, code, headers: { 'retry-after': retryAfter } });
});

test('memory: of the question itself, or of all questions together', () => {
  const own = 'Query memory limit exceeded: would use 112.04 MiB, maximum: 110.72 MiB.';
  const all = '(total) memory limit exceeded: would use 3.60 GiB, maximum: 3.60 GiB.';
  expect(refusal('MEMORY_LIMIT_EXCEEDED', own)).toMatchObject({ status: 400, code: 'question_too_large' });
  expect(refusal('MEMORY_LIMIT_EXCEEDED', all)).toMatchObject({ status: 503, code: 'read_model_busy' });
});

test('a fault of the statement is none of the client', () => {
  expect(refusal('SYNTAX_ERROR')).toBeUndefined();
  expect(refusal('ILLEGAL_TYPE_OF_ARGUMENT')).toBeUndefined();
});
