import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MOUNT = '/sys/fs/cgroup';

/** A control group whose processes may hold so much memory together. Linux, and the right to make one. */
export class MemoryGroup {
  /** @param {{ folder: string, limit: string, peak: string, events: string }} files */
  constructor(files) {
    this.files = files;
  }

  /** @param {number} bytes @returns {MemoryGroup | { missing: string }} `missing`: why there is none */
  static make(bytes) {
    const isSecond = existsSync(join(MOUNT, 'cgroup.controllers'));
    const parent = isSecond ? MOUNT : join(MOUNT, 'memory');
    const folder = join(parent, `tallystone-bench-${process.pid}`);
    const files = isSecond
      ? { folder, limit: 'memory.max', peak: 'memory.peak', events: 'memory.events' }
      : { folder, limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes', events: 'memory.oom_control' };
    try {
      mkdirSync(folder);
    } catch (error) {
      return { missing: `no control group can be made here (${error.code})` };
    }
    const group = new MemoryGroup(files);
    try {
      writeFileSync(join(folder, files.limit), String(bytes));
      return group;
    } catch (error) {
      group.remove();
      return { missing: `the memory of a control group cannot be limited here (${error.code})` };
    }
  }

  /** A command that runs a program in the group. @param {string[]} command @returns {[string, string[]]} */
  run(command) {
    return ['sh', ['-c', `echo $$ > '${join(this.files.folder, 'cgroup.procs')}' && exec "$@"`, 'sh', ...command]];
  }

  /** @returns `peak`: the most that was held, files in memory included, bytes; `killed`: processes that the kernel ended for it */
  figures() {
    const { folder, peak, events } = this.files;
    const text = readFileSync(join(folder, events), 'utf8');
    return {
      peak: existsSync(join(folder, peak)) ? Number(readFileSync(join(folder, peak), 'utf8')) : undefined,
      killed: Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0),
    };
  }

  /** Once its processes have ended. */
  remove() {
    rmdirSync(this.files.folder);
  }
}
