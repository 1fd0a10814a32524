import { setTimeout as wait } from 'node:timers/promises';
import { isBusy } from '../common/busy-error.js';

const ATTEMPTS = 8;
const PAUSE_MS = 25;

/** Does the work again, whole, when MySQL ended it for a deadlock or a lock wait. @throws the last error */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || attempt === ATTEMPTS) throw error;
      await wait(PAUSE_MS * attempt * (0.5 + Math.random()));
    }
  }
}
