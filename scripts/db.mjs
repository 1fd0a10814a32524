import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqlShellEnvironment } from './launcher/environments.mjs';
import { installCommand } from './launcher/install-command.mjs';
import { findWorkingTool } from './launcher/server-binaries.mjs';
import { servicesInUse } from './launcher/services-in-use.mjs';
import { decodedPart, readEnvironment, readSettings } from './launcher/settings.mjs';
import { LaunchError, readable, warn } from './launcher/terminal.mjs';

// npm run db [-- ARGUMENTS OF THE CLIENT]: a database shell on the services in use.

/** The client's settings as an option file: a password on the command line would be seen by everybody. */
function optionFile(url) {
  const query = url.searchParams;
  const options = {
    user: decodedPart(url.username) || 'root',
    password: decodedPart(url.password),
    ...(query.get('socketPath')
      ? { socket: query.get('socketPath') }
      : { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || '3306', protocol: 'tcp' }),
    ...(query.get('ca') ? { 'ssl-ca': query.get('ca') } : {}),
    // MariaDB's client knows the first, MySQL's the second.
    ...(query.get('ssl') ? { 'loose-ssl': '1' } : {}),
    ...(query.get('ssl') === 'verify'
      ? { 'loose-ssl-verify-server-cert': '1', 'loose-ssl-mode': query.get('ca') ? 'VERIFY_IDENTITY' : 'REQUIRED' }
      : {}),
  };
  const quoted = (value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return `[client]\n${Object.entries(options)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('')}`;
}

try {
  const settings = readSettings(readEnvironment());
  const { databaseUrl } = servicesInUse(settings);
  if (!URL.canParse(databaseUrl))
    throw new LaunchError('DATABASE_URL must look like mysql://user:password@host:3306/database');
  const url = new URL(databaseUrl);
  const client = findWorkingTool(['mariadb', 'mysql'], settings.dataDir);
  if (!client) {
    throw new LaunchError(
      `No shell of MariaDB or MySQL was found. Install one with\n\n  ${installCommand(['sqlShell'])}`,
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-db-'));
  const file = join(folder, 'client.cnf');
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(file, optionFile(url), { mode: 0o600 });
  const args = [
    `--defaults-file=${file}`,
    '--binary-as-hex',
    ...process.argv.slice(2),
    decodedPart(url.pathname.slice(1)),
  ];
  const child = spawn(client.path, args, { stdio: 'inherit', env: sqlShellEnvironment(client.env) });
  process.on('SIGINT', () => {}); // Ctrl-C is for the client: it ends a query, not the shell
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', (error) => {
    warn(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}
