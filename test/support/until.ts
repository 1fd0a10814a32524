import { setTimeout as wait } from 'node:timers/promises';

/** Looks again until the condition holds; fails, naming what was waited for, when it does not in time. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await wait(20);
  }
}
