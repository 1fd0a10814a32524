/**
 * Asks a service whether it is there, with a deadline. A question that got no answer is not asked again before it has
 * one, so that probes do not pile up on a service that hangs.
 */
export class Probe<T> {
  private asked?: Promise<T>;

  constructor(
    private readonly question: () => Promise<T>,
    private readonly timeoutMs: number,
  ) {}

  /** @throws what the question throws, or an error when it takes too long */
  async ask(): Promise<T> {
    this.asked ??= this.question().finally(() => (this.asked = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${this.timeoutMs} ms`)), this.timeoutMs);
    });
    try {
      return await Promise.race([this.asked, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
