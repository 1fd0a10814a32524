import { DataDir } from '../launcher/data-dir.mjs';
import { mysqlServer } from '../launcher/mysql-server.mjs';
import { redisServer } from '../launcher/redis-server.mjs';
import { PrivateService } from '../launcher/service.mjs';
import { readable, warn } from '../launcher/terminal.mjs';

// node serve-once.mjs FOLDER: finds or fetches both servers as npm start does, starts them, asks them, and stops them.

const dataDir = new DataDir(process.argv[2]).make();
const kinds = [mysqlServer, redisServer];
const services = kinds.map((kind) => new PrivateService(kind, dataDir, { wanted: kinds }));
try {
  for (const service of services) {
    await service.up();
    const { flavour, version, path } = dataDir.maker(service.kind.name);
    process.stdout.write(`serves ${flavour} ${version} ${path.startsWith(dataDir.path) ? 'fetched' : path}\n`);
  }
} catch (error) {
  warn(readable(error));
  process.exitCode = 1;
}
for (const service of services.reverse()) await service.stop();
