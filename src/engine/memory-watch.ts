import type { Logger } from '../common/logger.js';
import { PeriodicTask } from '../common/periodic-task.js';
import type { Engine } from './engine.js';

const LOOK_EVERY_MS = 500;
/** The process may hold this much more than it was given, for a moment. */
const FACTOR = 1.2;
/** How much of a question is told. */
const TOLD_CHARACTERS = 300;

/**
 * Ends the process when it holds more than 1.2 × ENGINE_MEMORY: whoever starts it again has an engine of the right size
 * sooner than the system's memory is gone. What ran is refused for some minutes ({@link Suspects}).
 * @param end ends the process at once @param rss bytes that the process holds
 */
export function watchMemory(
  engine: Engine,
  memory: number,
  logger: Logger,
  end: (message: string) => void,
  rss: () => number = () => process.memoryUsage.rss(),
): PeriodicTask {
  const look = (): void => {
    const held = rss();
    if (held <= FACTOR * memory) return;
    const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
    const [longest] = engine.running;
    const ran = longest ? `This question ran: ${longest.sql.slice(0, TOLD_CHARACTERS)}` : 'No question ran.';
    end(`The engine holds ${mib(held)} MiB, and ENGINE_MEMORY is ${mib(memory)} MiB. ${ran}`);
  };
  const task = new PeriodicTask({ name: 'engine-memory', intervalMs: LOOK_EVERY_MS, run: look, logger });
  task.start();
  return task;
}
