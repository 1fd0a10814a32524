import './launcher/node-version.mjs';
import { Launcher } from './launcher/launcher.mjs';
import { nodeWarning } from './launcher/node-support.mjs';
import { readEnvironment, readSettings } from './launcher/settings.mjs';
import { readable, say, warn } from './launcher/terminal.mjs';

// npm start: everything in one terminal. With --dev: again after each change of the sources.
const warning = nodeWarning(process.versions.node);
if (warning) warn(warning);
let launcher;
try {
  launcher = new Launcher(readSettings(readEnvironment()), { dev: process.argv.includes('--dev') });
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (asked) return say('Still stopping; nothing is lost');
      asked = true;
      say('\nStopping …');
      launcher.stop().then(
        () => {
          say('Stopped.');
          process.exit(launcher.served ? 0 : 130);
        },
        (error) => {
          warn(readable(error));
          process.exit(1);
        },
      );
    });
  }
  await launcher.start();
} catch (error) {
  if (!launcher?.stopping) {
    warn(readable(error));
    await launcher?.stop();
    process.exit(1);
  }
}
