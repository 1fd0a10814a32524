import { RawQuestions } from './raw-questions.js';

/** A question that is answered when it is told to. */
function question() {
  let answer!: () => void;
  const done = new Promise<void>((resolve) => (answer = resolve));
  const asked = { begun: false, answer };
  return { asked, ask: () => ((asked.begun = true), done) };
}

test('four at a time, in order; whoever is answered makes room', async () => {
  const questions = new RawQuestions();
  const all = Array.from({ length: 6 }, question);
  const answers = all.map(({ ask }, i) => questions.ask(`account ${i}`, ask));
  await Promise.resolve();
  expect(all.map(({ asked }) => asked.begun)).toEqual([true, true, true, true, false, false]);
  all[2]!.asked.answer();
  await answers[2];
  await Promise.resolve();
  expect(all.map(({ asked }) => asked.begun)).toEqual([true, true, true, true, true, false]);
  for (const { asked } of all) asked.answer();
  await Promise.all(answers);
});

test('an account that asks too much at once is told so, and no other', async () => {
  const questions = new RawQuestions();
  const all = Array.from({ length: 12 }, question);
  const answers = all.map(({ ask }) => questions.ask('greedy', ask));
  await expect(questions.ask('greedy', () => Promise.resolve(1))).rejects.toMatchObject({
    status: 429,
    code: 'too_many_questions',
  });
  for (const { asked } of all) asked.answer();
  await Promise.all(answers);
  expect(await questions.ask('greedy', () => Promise.resolve(1))).toBe(1);
  await expect(questions.ask('greedy', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await questions.ask('other', () => Promise.resolve(2))).toBe(2);
});
