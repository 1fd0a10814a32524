import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/**
 * A Lua script that is sent once and then called by its hash. Not by ioredis's defineCommand: a command defined while an
 * automatic pipeline is open is unknown to that pipeline, and the answers of all others in it are lost.
 */
export class LuaScript<Answer> {
  private readonly sha: string;

  constructor(private readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /** @throws whatever ioredis throws */
  async run(redis: Redis, keys: string[], args: (string | number)[]): Promise<Answer> {
    try {
      return (await redis.evalsha(this.sha, keys.length, ...keys, ...args)) as Answer;
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return (await redis.eval(this.lua, keys.length, ...keys, ...args)) as Answer;
    }
  }
}
