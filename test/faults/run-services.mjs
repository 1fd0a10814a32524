// node test/faults/run-services.mjs FOLDER: a database and a Redis of one test's own, to be killed as it likes. Prints one
// line of JSON when both answer, starts again what dies (as `npm start` does), and ends both when its stdin ends.
import { join } from 'node:path';
import { DataDir } from '../../scripts/launcher/data-dir.mjs';
import { mysqlServer } from '../../scripts/launcher/mysql-server.mjs';
import { redisServer } from '../../scripts/launcher/redis-server.mjs';
import { PrivateService } from '../../scripts/launcher/service.mjs';
import { ROOT } from '../../scripts/launcher/settings.mjs';

const dataDir = new DataDir(process.argv[2]);
dataDir.make();
const bin = join(ROOT, '.data', 'bin');
const services = [mysqlServer, redisServer].map((kind) => new PrivateService(kind, dataDir, { bin }));
for (const service of services) await service.up();
const [databaseUrl, redisUrl] = services.map((service) => service.url);
process.stdout.write(`${JSON.stringify({ databaseUrl, redisUrl })}\n`);
process.stdin.on('end', () => void Promise.all(services.map((service) => service.stop())).then(() => process.exit(0)));
process.stdin.resume();
