import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { canFetch, fetchPackages } from './fetch-packages.mjs';
import { installCommand } from './install-command.mjs';
import { withLock } from './lock.mjs';
import { run } from './processes.mjs';
import { compareVersions, findServers } from './server-binaries.mjs';
import { nice, ROOT } from './settings.mjs';
import { LaunchError, step } from './terminal.mjs';

/** Chooses the database or Redis server to run: one of this machine, else one that is fetched. */
export class ServerChoice {
  /** Paths of servers that were tried and cannot be used. */
  #rejected = new Set();

  /**
   * @param bin where programs that are missing here are unpacked
   * @param wanted all kinds that will be run, so that one message names everything that is missing
   * @param packages how packages are fetched, if they can be here
   */
  constructor(kind, dataDir, { bin, wanted, packages = { canFetch, fetchPackages } }) {
    this.kind = kind;
    this.dataDir = dataDir;
    this.bin = bin;
    this.wanted = wanted;
    this.packages = packages;
  }

  /** The next call of `choose` takes another. */
  reject(binary) {
    this.#rejected.add(binary.found);
  }

  /**
   * A server that may open the files: the one that made them, or a newer one of its flavour.
   * @throws LaunchError that says what was found, and the command that gets what is missing
   */
  async choose() {
    const { kind, dataDir } = this;
    const maker = dataDir.maker(kind.name);
    const opens = (binary) =>
      !maker || (binary.flavour === maker.flavour && compareVersions(binary.version, maker.version, 2) >= 0);
    let survey = this.#survey();
    if (survey.fit.length === 0) survey = await this.#fetch(survey);
    const able = survey.fit.filter(opens);
    // The one that did it before; another of this machine may be one that was passed over.
    const chosen = able.find(({ path }) => path === maker?.path) ?? able[0];
    if (chosen) return { ...(await confinedElsewhere(chosen)), found: chosen.path };
    const here = survey.all.map((one) => `${nameOf(one)} (${one.path})`).join(', ') || 'none';
    if (!maker) throw new LaunchError(`${kind.title} was fetched and cannot be used. ${this.#ways(survey)}`);
    throw new LaunchError(
      `${nice(dataDir.in(kind.name))} was made by ${describe(maker)}, which another flavour or an older version must not open. ` +
        `Found here: ${here}. Install ${describe(maker)} or newer, as by\n\n  ${installCommand([kind.name])}\n\n` +
        'or choose another DATA_DIR.',
    );
  }

  #survey() {
    const all = findServers(this.kind, this.dataDir.path);
    return {
      all,
      fit: all.filter((one) => !one.fault && isSupported(this.kind, one) && !this.#rejected.has(one.path)),
    };
  }

  async #fetch(before) {
    const { kind, bin, packages } = this;
    if (!packages.canFetch()) throw new LaunchError(`Tallystone needs ${kind.title}. ${this.#ways(before)}`);
    const into = join(bin, kind.name);
    mkdirSync(bin, { recursive: true, mode: 0o700 });
    try {
      return await withLock(join(bin, `${kind.name}.lock`), async () => {
        const meanwhile = this.#survey();
        if (meanwhile.fit.length > 0) return meanwhile;
        await step(`Fetching ${kind.title} into ${nice(into)}`, () => packages.fetchPackages(kind.packages, into));
        return this.#survey();
      });
    } catch (error) {
      throw new LaunchError(`${error.message}\n\n${kind.title} could not be fetched. ${this.#ways(before)}`);
    }
  }

  /** Why what is here does not do, and what a person can type. */
  #ways({ all }) {
    const { kind, dataDir } = this;
    const missing = this.wanted.filter(
      (one) =>
        one === kind || !findServers(one, dataDir.path).some((binary) => !binary.fault && isSupported(one, binary)),
    );
    const why = all.map((one) => {
      if (one.fault) return `${one.path} cannot be run (${one.fault}). `;
      return isSupported(kind, one)
        ? `${one.path} could not be started. `
        : `${describe(one)} (${one.path}) is too old. `;
    });
    return (
      `${why.join('')}Install what is missing with\n\n  ${installCommand(missing.map(({ name }) => name))}\n\n` +
      `or set ${kind.variable} to a server of yours, then run npm start again.`
    );
  }
}

function isSupported(kind, { flavour, version }) {
  return kind.minimum[flavour] !== undefined && compareVersions(version, kind.minimum[flavour], 2) >= 0;
}

/** Ubuntu confines /usr/sbin/mysqld to its own folders; a copy of the program is not confined. */
async function confinedElsewhere(binary) {
  const profile = `/etc/apparmor.d/${binary.path.slice(1).replaceAll('/', '.')}`;
  if (binary.flavour !== 'mysql' || !existsSync(profile) || !existsSync('/sys/module/apparmor')) return binary;
  const copy = join(ROOT, '.data', 'bin', 'mysql', 'usr', 'sbin', 'mysqld');
  await run('mkdir', ['-p', join(copy, '..')]);
  await run('cp', ['-pu', binary.path, copy]);
  return { ...binary, path: copy };
}

function nameOf(binary) {
  return binary.fault ? 'one that cannot be run' : describe(binary);
}

export function describe({ flavour, version }) {
  return `${{ mariadb: 'MariaDB', mysql: 'MySQL', redis: 'Redis', valkey: 'Valkey' }[flavour] ?? flavour} ${version}`;
}
