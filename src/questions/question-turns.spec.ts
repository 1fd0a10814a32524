import { type QuestionCost, QuestionTurns, TURNS } from './question-turns.js';

const STAYS = new AbortController().signal;

/** Takes turns, and remembers who was let in, in order. */
class Asked {
  readonly turns = new QuestionTurns();
  readonly begun: string[] = [];
  private readonly dones = new Map<string, () => void>();

  ask(account: string, name: string, cost: Partial<QuestionCost> = {}, gone = STAYS): Promise<void> {
    return this.turns.take(account, { apps: 1, ...cost }, gone).then((done) => {
      this.begun.push(name);
      this.dones.set(name, done);
    });
  }

  async answer(name: string): Promise<void> {
    this.dones.get(name)!();
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one account is answered so many questions at a time, in order', async () => {
  const asked = new Asked();
  for (let i = 0; i < 6; i += 1) void asked.ask('ann', `${i}`);
  await settled();
  expect(asked.begun).toEqual(['0', '1', '2', '3']);
  await asked.answer('2');
  expect(asked.begun).toEqual(['0', '1', '2', '3', '4']);
});

test('accounts are served in turn, however many questions one of them has', async () => {
  const asked = new Asked();
  for (let i = 0; i < 30; i += 1) void asked.ask('greedy', `greedy ${i}`);
  for (const account of ['ann', 'bob', 'cid', 'dan']) void asked.ask(account, `${account} 1`);
  await settled();
  // Greedy has four places; the last two of all are kept for accounts that have none.
  expect(asked.begun).toHaveLength(TURNS.running);
  expect(asked.begun.slice(4)).toEqual(['ann 1', 'bob 1', 'cid 1', 'dan 1']);
  void asked.ask('ann', 'ann 2');
  void asked.ask('eve', 'eve 1');
  await asked.answer('bob 1');
  await asked.answer('ann 1');
  expect(asked.begun.slice(8)).toEqual(['eve 1', 'ann 2']);
  for (const name of ['greedy 0', 'cid 1', 'dan 1']) await asked.answer(name);
  expect(asked.begun.slice(10)).toEqual(['greedy 4']);
});

test('the last places are kept for accounts that have none', async () => {
  const asked = new Asked();
  for (let i = 0; i < 8; i += 1) void asked.ask(i % 2 ? 'greedy' : 'greedy too', `${i}`);
  await settled();
  expect(asked.begun).toHaveLength(TURNS.running - TURNS.reserved);
  await asked.ask('ann', 'ann');
});

test('an account with too many waiting is told so, and no other', async () => {
  const asked = new Asked();
  for (let i = 0; i < TURNS.ofAccount + TURNS.waiting; i += 1) void asked.ask('greedy', `${i}`);
  await expect(asked.ask('greedy', 'one more')).rejects.toMatchObject({
    status: 429,
    code: 'too_many_questions',
    headers: { 'retry-after': '2' },
  });
  await asked.ask('ann', 'ann');
  // Streams are bounded elsewhere, and wait.
  void asked.ask('greedy', 'of a stream', { isPatient: true });
  await asked.answer('0');
  void asked.ask('greedy', 'again');
  await settled();
  await expect(asked.ask('greedy', 'one more')).rejects.toMatchObject({ status: 429 });
});

test('a question whose client has gone leaves the queue', async () => {
  const asked = new Asked();
  const gone = new AbortController();
  for (let i = 0; i < TURNS.ofAccount; i += 1) void asked.ask('ann', `${i}`);
  const left = Array.from({ length: TURNS.waiting }, (_none, i) => asked.ask('ann', `left ${i}`, {}, gone.signal));
  const refused = Promise.allSettled(left);
  gone.abort();
  expect((await refused).map(({ status }) => status)).toEqual(left.map(() => 'rejected'));
  await expect(asked.ask('ann', 'too late', {}, gone.signal)).rejects.toMatchObject({ code: 'client_gone' });
  void asked.ask('ann', 'stays');
  await asked.answer('0');
  expect(asked.begun.at(-1)).toBe('stays');
});

test('few heavy questions run at a time, one of each account, and hold up no light ones', async () => {
  const asked = new Asked();
  for (const name of ['1', '2'])
    for (const account of ['ann', 'bob', 'cid']) void asked.ask(account, `${account} ${name}`, { isHeavy: true });
  void asked.ask('ann', 'ann light');
  await settled();
  expect(asked.begun).toEqual(['ann 1', 'bob 1', 'ann light']);
  await asked.answer('ann 1');
  expect(asked.begun.at(-1)).toBe('cid 1');
});

test('a question over many apps takes more of the places and turns of its account', async () => {
  const asked = new Asked();
  void asked.ask('many', 'many 1', { apps: 1000 });
  void asked.ask('many', 'many 2');
  await settled();
  expect(asked.begun).toEqual(['many 1']);
  void asked.ask('ann', 'ann 1');
  await settled();
  expect(asked.begun).toEqual(['many 1', 'ann 1']);
});

test('a question over some apps takes more of the turns of its account', async () => {
  const asked = new Asked();
  for (let i = 1; i <= 6; i += 1) void asked.ask('many', `many ${i}`, { apps: 200 });
  for (let i = 1; i <= 6; i += 1) void asked.ask('ann', `ann ${i}`);
  await settled();
  expect(asked.begun).toEqual(['many 1', 'many 2', 'many 3', 'many 4', 'ann 1', 'ann 2']);
  for (const name of ['many 1', 'many 2', 'many 3']) await asked.answer(name);
  expect(asked.begun.slice(6)).toEqual(['ann 3', 'ann 4', 'many 5']);
});

test('every place comes back', async () => {
  const asked = new Asked();
  for (let round = 0; round < 3; round += 1) {
    const names = Array.from({ length: 8 }, (_none, i) => `${round} ${i}`);
    for (const [i, name] of names.entries()) void asked.ask(`account ${i}`, name, { isHeavy: i < 2 });
    await settled();
    expect(asked.begun.slice(-8)).toEqual(expect.arrayContaining(names));
    for (const name of names) await asked.answer(name);
  }
});
