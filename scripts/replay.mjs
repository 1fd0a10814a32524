import './launcher/node-version.mjs';
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Api } from './client/api.mjs';
import { BatchSender } from './client/batch-sender.mjs';
import { readLog } from './client/log-lines.mjs';
import { ProgressBar } from './client/progress-bar.mjs';
import { prepareProject } from './launcher/prepare.mjs';
import { apiUrlInUse } from './launcher/services-in-use.mjs';
import { readEnvironment, readSettings } from './launcher/settings.mjs';
import { LaunchError, readable, say, warn } from './launcher/terminal.mjs';

const USAGE = `npm run replay -- FILE [--all] [--app NAME] [--url URL] [--key KEY]

Posts a web server's access log (plain or gzip, UTF-8 or UTF-16) as page_view events. A second run changes no count. It reads the
common and the combined format, with a host before them (Apache's vhost_combined), nginx's main, and lines with more fields behind
these, such as the time a request took. Addresses in X-Forwarded-For count where the address before them is a private one.
A page view is a GET, answered 200 or 304, of a page: no style sheet, script, image, font, feed, data, robots.txt or download.
  --all   every request counts, whatever was asked and answered
  --app   name of the app that gets them (default: Replay); made on the first run, by local sign-in
  --url   where the server is (default: this machine's, at PORT)
  --key   an API key that can write; then nobody signs in, and --app is not looked at`;

try {
  process.exitCode = await replay();
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}

async function replay() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      app: { type: 'string', default: 'Replay' },
      help: { type: 'boolean', short: 'h', default: false },
      url: { type: 'string' },
      key: { type: 'string' },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const [file] = positionals;
  if (positionals.length !== 1) throw new LaunchError(USAGE);
  const size = fileSize(file);
  const settings = readSettings(readEnvironment());
  // Reads addresses and User-Agents by the server's own rules.
  await prepareProject(settings.env);
  const { AccessLog } = await import('./client/access-log.mjs');
  const api = new Api(values.url ?? apiUrlInUse(settings));
  if (!(await api.answers()))
    throw new LaunchError(`Nothing answers at ${api.url}: run npm start in another terminal.`);
  const { app, apiKey } = values.key ? { apiKey: values.key } : await signedInApp(api, values.app);
  const log = new AccessLog({ all: values.all });
  const { sender, lines, skipped, unread } = await send(file, size, log, new BatchSender(api.url, apiKey));

  say(
    `${lines} lines: ${sender.accepted} accepted, ${sender.rejected.length} rejected, ` +
      `${skipped} left out (no page views; --all posts them too), ${unread} not read (not in a format known here)`,
  );
  for (const { code, errors, event } of sender.rejected.slice(0, 10)) {
    warn(
      `rejected (${code}): ${errors.map(({ field, message }) => `${field} ${message}`).join('; ')} – ${event.url ?? ''}`,
    );
  }
  if (app && sender.lastIds.length > 0) await tell(api, app, sender.lastIds);
  return sender.rejected.length === 0 ? 0 : 1;
}

function fileSize(file) {
  try {
    return statSync(file).size;
  } catch {
    throw new LaunchError(`Cannot read ${file}.`);
  }
}

async function signedInApp(api, name) {
  await api.signInLocally('replay@example.test');
  return api.appNamed(name, { platform: 'web', description: 'Filled by npm run replay' });
}

async function send(file, size, log, sender) {
  const { raw, lines: texts } = await readLog(file);
  const bar = new ProgressBar('Posting');
  let lines = 0;
  let skipped = 0;
  let unread = 0;
  for await (const line of texts) {
    lines += 1;
    const { event, skipped: isSkipped } = log.read(line);
    if (event) await sender.add(event);
    else if (isSkipped) skipped += 1;
    else unread += 1;
    const posted = sender.accepted / (lines - skipped - unread || 1);
    bar.show((raw.bytesRead / size) * posted, `${sender.accepted} accepted`);
  }
  await sender.flush();
  bar.end(`${sender.accepted} accepted`);
  return { sender, lines, skipped, unread };
}

async function tell(api, app, lastIds) {
  await api.settled(lastIds);
  const { count, uniqueUsers, deviceData, startDate, endDate, timezone } = await api.get(
    `/api/analytics/event-summary?event=page_view&app_id=${app.id}`,
  );
  say(
    `Counted so far in the app "${app.name}": ${count} page views by ${uniqueUsers} users, ${startDate} to ${endDate} (${timezone})`,
  );
  say(
    `Devices: ${Object.entries(deviceData)
      .map(([device, n]) => `${device} ${n}`)
      .join(', ')}`,
  );
  say(`Look at ${api.url}/ (sign in as replay@example.test, app id ${app.id})`);
}
