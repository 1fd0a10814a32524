import { QueryFailedError } from 'typeorm';
import { loggedError } from './logged-error.js';

const EMAIL = 'ann@private.test';

test('tells where and what kind, never the statement, its parameters or the values that MySQL quotes', () => {
  const driver = Object.assign(new Error(`Duplicate entry '${EMAIL}' for key 'users.email'`), {
    code: 'ER_DUP_ENTRY',
    errno: 1062,
    sqlState: '23000',
    sqlMessage: `Duplicate entry '${EMAIL}'`,
    sql: `INSERT INTO users VALUES ('${EMAIL}')`,
  });
  const logged = loggedError(new QueryFailedError('INSERT INTO users VALUES (?)', [EMAIL], driver));
  expect(JSON.stringify(logged)).not.toContain(EMAIL);
  expect(JSON.stringify(logged)).not.toContain('INSERT');
  expect(logged).toMatchObject({ type: 'QueryFailedError', code: 'ER_DUP_ENTRY', errno: 1062 });
  expect(logged.stack).toContain('logged-error.spec');
});

test('tells the code of Redis, not the arguments', () => {
  const error = Object.assign(new Error(`ERR unknown command 'x', with args beginning with: '${EMAIL}'`), {
    name: 'ReplyError',
    command: { name: 'x', args: [EMAIL] },
  });
  const logged = loggedError(new Error('Could not append', { cause: error }));
  expect(JSON.stringify(logged)).not.toContain(EMAIL);
  expect(logged).toMatchObject({ message: 'Could not append', cause: { type: 'ReplyError', message: 'ERR' } });
});

test('a message that looks like a frame is none', () => {
  const driver = Object.assign(new Error(`Duplicate entry 'x\n    at ${EMAIL}'`), { errno: 1062, sqlState: '23000' });
  expect(JSON.stringify(loggedError(new QueryFailedError('INSERT', [], driver)))).not.toContain(EMAIL);
  expect(JSON.stringify(loggedError(driver))).not.toContain(EMAIL);
});

test('what is no error is told by its kind', () => {
  expect(loggedError(7)).toEqual({ type: 'number', message: undefined });
  expect(loggedError('away')).toEqual({ type: 'string', message: 'away' });
});
