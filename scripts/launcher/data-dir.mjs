import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as util from 'node:util';
import { pidInFile } from './processes.mjs';
import { LaunchError } from './terminal.mjs';

/** What a start that was cut short may have left; a folder that holds one of OURS has been in use. */
const BEGUN = new Set(['bin', 'logs', 'mysql', 'mysql.init', 'redis', 'run', 'tmp', 'lost+found', '.DS_Store']);
const OURS = ['servers.json', 'secrets'];
/** The longest path that the kernels take for a Unix socket, bytes. */
const SOCKET_PATH_MAX = process.platform === 'linux' ? 107 : 103;

/** The folder that holds everything that this installation keeps on this machine. */
export class DataDir {
  constructor(path) {
    this.path = path;
  }

  in(...names) {
    return join(this.path, ...names);
  }

  pidFile(name) {
    return this.in('run', `${name}.pid`);
  }

  log(name) {
    return this.in('logs', `${name}.log`);
  }

  /** Makes it, for its owner alone. @throws LaunchError when the folder is somebody else's */
  make() {
    const { path } = this;
    try {
      if (existsSync(path)) {
        const names = readdirSync(path);
        const foreign = names.find((name) => !BEGUN.has(name));
        // Its mode is about to change, which must not happen to a home folder or /tmp.
        if (foreign && !names.some((name) => OURS.includes(name))) {
          throw new LaunchError(`DATA_DIR (${path}) holds other things (${foreign}): name a folder of its own`);
        }
        chmodSync(path, 0o700);
      } else {
        mkdirSync(path, { recursive: true, mode: 0o700 });
      }
      for (const name of ['run', 'logs', 'tmp']) mkdirSync(this.in(name), { recursive: true, mode: 0o700 });
    } catch (error) {
      if (error instanceof LaunchError) throw error;
      throw new LaunchError(`DATA_DIR (${path}) cannot be used: ${error.message}`);
    }
    return this;
  }

  /**
   * A folder for the servers' sockets that only their owner can enter: `run`, or where that would be too long for a
   * socket, one in the temporary folder.
   */
  socketDir() {
    const run = this.in('run');
    if (Buffer.byteLength(join(run, 'mysql.sock.lock')) <= SOCKET_PATH_MAX) return run;
    const hash = createHash('sha256').update(this.path).digest('hex').slice(0, 16);
    for (const base of [tmpdir(), '/tmp']) {
      const short = join(base, `tallystone-${hash}`);
      if (Buffer.byteLength(join(short, 'mysql.sock.lock')) > SOCKET_PATH_MAX) continue;
      mkdirSync(short, { recursive: true, mode: 0o700 });
      const found = lstatSync(short);
      // Everybody may write to the temporary folder: what another user put there must not serve as our door.
      if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return short;
      throw new LaunchError(`${short} is not this user's own folder; remove it, or choose a shorter DATA_DIR`);
    }
    throw new LaunchError('DATA_DIR is too long a path for a socket: choose a shorter one');
  }

  /** Removes the folder in the temporary folder when the last socket is gone. */
  leaveSocketDir() {
    const folder = this.socketDir();
    if (folder !== this.in('run') && readdirSync(folder).length === 0) rmdirSync(folder);
  }

  /** A secret that is made once and kept. @param name of its variable */
  secret(name) {
    const folder = this.in('secrets');
    const file = join(folder, name.toLowerCase());
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(file)) writeWhole(file, `${randomBytes(32).toString('base64url')}\n`);
    return readFileSync(file, 'utf8').trim();
  }

  /** The launcher that serves this folder now; undefined when none does. */
  get launcherPid() {
    return pidInFile(this.pidFile('launcher'));
  }

  /** What `run/env` says: the addresses of the services and of the API that are in use. */
  readRunEnv() {
    try {
      return util.parseEnv(readFileSync(this.in('run', 'env'), 'utf8'));
    } catch {
      return {};
    }
  }

  writeRunEnv(values) {
    // A shell can read it too: quoted where it must be.
    const quoted = (value) => (/^[\w:/@.%+?=-]*$/.test(value) ? value : `'${value.replaceAll("'", '%27')}'`);
    const known = Object.entries(values).filter(([, value]) => value !== undefined);
    const text = known.map(([name, value]) => `${name}=${quoted(value)}\n`);
    writeWhole(this.in('run', 'env'), text.join(''));
  }

  clearRun() {
    rmSync(this.in('run', 'env'), { force: true });
  }

  /** Which server made the files of a service: `{flavour, version, path}`; undefined when there are none. */
  maker(service) {
    if (!existsSync(this.in(service))) return undefined;
    return this.#makers()[service];
  }

  rememberMaker(service, { flavour, version, found: path }) {
    const makers = { ...this.#makers(), [service]: { flavour, version, path } };
    writeWhole(this.in('servers.json'), `${JSON.stringify(makers, null, 2)}\n`);
  }

  #makers() {
    try {
      return JSON.parse(readFileSync(this.in('servers.json'), 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return {};
      throw new LaunchError(`${this.in('servers.json')} cannot be read: ${error.message}`);
    }
  }
}

/** A reader finds the old text or the new one, never half of it. */
function writeWhole(file, text) {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
