import './launcher/node-version.mjs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Api } from './client/api.mjs';
import { BatchSender } from './client/batch-sender.mjs';
import { DEMO_DAYS, DEMO_EVENTS, demoStream } from './client/demo-stream.mjs';
import { ProgressBar } from './client/progress-bar.mjs';
import { apiUrlInUse } from './launcher/services-in-use.mjs';
import { readEnvironment, readSettings, ROOT } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';

const APP = 'Demo';
const PERSON = 'demo@example.test';

try {
  await demo();
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}

async function demo() {
  const { values } = parseArgs({ options: { clean: { type: 'boolean', default: false }, url: { type: 'string' } } });
  const api = new Api(values.url ?? apiUrlInUse(readSettings(readEnvironment())));
  const server = (await api.answers()) ? undefined : await startServer(values.url);
  try {
    await api.signInLocally(PERSON);
    if (values.clean) await clean(api);
    else await fill(api);
  } catch (error) {
    server?.kill('SIGTERM');
    throw error;
  }
  if (!server) return;
  if (values.clean) server.kill('SIGTERM');
  else say('\nThe server runs on; Ctrl-C stops it.');
}

/** npm start as a child; ends with this program. */
async function startServer(url) {
  if (url) throw new LaunchError(`Nothing answers at ${url}.`);
  say('No server runs: starting one');
  const server = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Ctrl-C reaches both; this program waits for the server to stop what it started.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => server.kill(signal));
  await new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
    server.on('exit', (code) => reject(new LaunchError(`The server did not start (exit code ${code}).`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      say(line);
      if (line.startsWith('ready ')) resolve();
    });
  });
  return server;
}

async function clean(api) {
  const { data } = await api.get('/api/apps');
  const demos = data.filter((app) => app.name === APP);
  for (const app of demos) await api.delete(`/api/apps/${app.id}`);
  say(demos.length > 0 ? `Removed the app "${APP}".` : `There is no app "${APP}".`);
}

async function fill(api) {
  const { app, apiKey } = await api.appNamed(APP, { url: 'https://shop.example.com', platform: 'web' });
  const events = [...demoStream(Date.now())];
  const sender = new BatchSender(api.url, apiKey);
  const bar = new ProgressBar('Posting');
  for (const event of events) {
    await sender.add(event);
    bar.show(sender.accepted / events.length, `${sender.accepted} accepted`);
  }
  await sender.flush();
  bar.end(`${sender.accepted} accepted`);
  if (sender.rejected.length > 0) throw new LaunchError(`${sender.rejected.length} events were rejected.`);
  await api.settled(sender.lastIds);
  await summary(api, app);
  say(`\nLook at ${api.url}/ and sign in as ${PERSON}; the app id is ${app.id}`);
  say('Remove it again: npm run demo -- --clean');
}

async function summary(api, app) {
  say(`\nThe app "${APP}", last ${DEMO_DAYS} days:\n`);
  row('event', ['count', 'users', 'mobile', 'tablet', 'desktop']);
  for (const event of [...DEMO_EVENTS, undefined]) {
    const query = new URLSearchParams({ app_id: app.id, ...(event ? { event } : {}) });
    const { count, uniqueUsers, deviceData } = await api.get(`/api/analytics/event-summary?${query}`);
    row(event ?? 'all', [count, uniqueUsers, deviceData.mobile, deviceData.tablet, deviceData.desktop]);
  }
}

function row(name, figures) {
  say(name.padEnd(16) + figures.map((figure) => String(figure).padStart(9)).join(''));
}
