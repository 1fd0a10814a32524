import type { Redis } from 'ioredis';

type Run = (...args: (string | number | Buffer)[]) => Promise<unknown>;

/** A named Lua script that is sent once and then called by its hash. */
export class LuaScript<Answer> {
  constructor(
    private readonly name: string,
    private readonly lua: string,
  ) {}

  async run(redis: Redis, keys: string[], args: (string | number)[]): Promise<Answer> {
    const commands = redis as unknown as Record<string, Run | undefined>;
    if (!commands[this.name]) redis.defineCommand(this.name, { lua: this.lua });
    return (await commands[this.name]!.call(redis, keys.length, ...keys, ...args)) as Answer;
  }
}
