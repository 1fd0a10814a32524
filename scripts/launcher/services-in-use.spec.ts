import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDir } from './data-dir.mjs';
import { writePid } from './processes.mjs';
import { apiUrlInUse } from './services-in-use.mjs';

describe('where a script finds the API', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tallystone-in-use-'));
  const settings = { dataDir: folder, localUrl: 'http://127.0.0.1:3000' };
  afterAll(() => rmSync(folder, { recursive: true }));

  test('at the server that runs on the data folder, else where npm start would put it', () => {
    expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3000');
    const dataDir = new DataDir(folder);
    dataDir.make();
    dataDir.writeRunEnv({ API_URL: 'http://127.0.0.1:3124' });
    expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3000');
    writePid(dataDir.pidFile('launcher'), process.pid);
    expect(apiUrlInUse(settings)).toBe('http://127.0.0.1:3124');
  });
});
