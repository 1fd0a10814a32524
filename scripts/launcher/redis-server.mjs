import { mkdirSync } from 'node:fs';
import { ask } from './mysql-server.mjs';

/** How to find, start and ask a Redis or Valkey server. */
export const redisServer = {
  name: 'redis',
  title: 'Redis or Valkey',
  programs: ['redis-server', 'valkey-server'],
  versionArgs: ['--version'],
  // Scripts that must run in a full Redis say so by a flag that 7.0 brought.
  minimum: { redis: '7.0', valkey: '7.2' },
  setting: 'redisUrl',
  variable: 'REDIS_URL',
  packages: [['redis-server'], ['valkey-server']],
  /** The append-only file may be long. */
  startDeadlineMs: 120_000,
  stopDeadlineMs: 30_000,

  readVersion(text) {
    const version = /v=(\d+\.\d+\.\d+)/.exec(text)?.[1];
    return version && { flavour: /valkey/i.test(text) ? 'valkey' : 'redis', version };
  },

  url(socket) {
    return `redis+unix://${socket.split('/').map(encodeURIComponent).join('/')}`;
  },

  async init(binary, dataDir) {
    dataDir.rememberMaker('redis', binary);
    mkdirSync(dataDir.in('redis'), { mode: 0o700 });
  },

  /** What was answered with 202 is in the append-only file first; nothing is ever evicted. */
  args(_binary, { dataDir, socket }) {
    const settings = {
      port: '0',
      unixsocket: socket,
      unixsocketperm: '700',
      dir: dataDir.in('redis'),
      daemonize: 'no',
      // Its command line tells whose server it is.
      'set-proc-title': 'no',
      appendonly: 'yes',
      appendfsync: 'always',
      'no-appendfsync-on-rewrite': 'no',
      save: '',
      'maxmemory-policy': 'noeviction',
    };
    return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  },

  /** Ready once it has read its file (until then it answers LOADING). */
  ping(socket) {
    return ask(socket, 'PING\r\n', (data) => data.toString('latin1').startsWith('+PONG'));
  },
};
