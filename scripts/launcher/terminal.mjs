/** A start that cannot go on, in words for the person at the terminal. */
export class LaunchError extends Error {
  /** @override */
  name = 'LaunchError';
}

// A terminal that was closed, or `| head`, must not end the launcher before it has stopped what it started.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** @param {string} text */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** @param {string} text */
export function warn(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs one long step and says, in one line, what it was and how long it took.
 * @template Result
 * @param {string} label
 * @param {() => Result | Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function step(label, work) {
  const begin = performance.now();
  const live = process.stdout.isTTY;
  if (live) process.stdout.write(`${label} …`);
  try {
    const result = await work();
    const took = `${label} … ${((performance.now() - begin) / 1000).toFixed(1)} s`;
    say(live ? `\r${took}` : took);
    return result;
  } catch (error) {
    say(live ? '' : `${label} … failed`);
    throw error;
  }
}

/** What a script says when it ends with an error: our own errors plainly, others with their stack. @param {any} error @returns {string} */
export function readable(error) {
  return error instanceof LaunchError ? error.message : String(error?.stack ?? error);
}
