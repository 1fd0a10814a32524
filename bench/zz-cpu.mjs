import { readFileSync } from 'node:fs';
import { Workbench } from './workbench.mjs';
import { fill } from './fill.mjs';
import { Tenant } from './abuse/tenant.mjs';
const bench = new Workbench();
const cpu = (pid) => { const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' '); return (Number(f[11]) + Number(f[12])) * 10; };
try {
  await bench.open();
  const server = await bench.localApi();
  const t = await Tenant.signIn(server, 'a@example.test');
  await fill(bench, { apps: [t.app], ownerId: t.ownerId, events: Number(process.argv[2] ?? 100000), progress: () => {} });
  const mysqld = Number(/^\d+/.exec(readFileSync(`${bench.folder}/data/run/mysql.pid`, 'utf8').trim())?.[0] ?? NaN);
  const day = (n) => new Date(Date.UTC(2026, 10, 24) - n * 864e5).toISOString().slice(0, 10);
  const names = Array.from({ length: 10 }, (_n, i) => `event=event_${i + 1}`).join('&');
  const measure = async (what, path, times = 5) => {
    for (let round = 0; round < 2; round++) {
      const [a, m, w] = [cpu(server.pid), cpu(mysqld), performance.now()];
      let status;
      for (let i = 0; i < times; i++) { const r = await fetch(server.url + path, { headers: t.bearer }); status = r.status; const x = await r.text(); if (status >= 400 && status !== 404) console.log(x.slice(0, 300)); }
      console.log(what, status, 'api cpu', (cpu(server.pid) - a) / times, 'mysql cpu', (cpu(mysqld) - m) / times, 'wall', Math.round((performance.now() - w) / times));
    }
  };
  const id = t.appId;
  await measure('me', '/api/auth/me', 50);
  await measure('summary small', `/api/analytics/event-summary?app_id=${id}&startDate=${day(5)}&endDate=${day(4)}`, 50);
  await measure('series', `/api/analytics/series?app_id=${id}&startDate=${day(40)}&endDate=${day(0)}&interval=hour&compare=previous&${names}`, 3);
  await measure('series all', `/api/analytics/series?app_id=${id}&startDate=${day(40)}&endDate=${day(0)}&interval=hour`, 3);
  await measure('breakdown', `/api/analytics/breakdown?app_id=${id}&by=metadata.screenSize&startDate=${day(95)}&endDate=${day(0)}`, 3);
  const rows = Array.from({ length: 999 }, (_n, i) => { const b = Buffer.alloc(16, 1); b.writeUInt32BE(i, 12); return [b, t.ownerId, `App ${i}`]; });
  await bench.db.query('INSERT INTO apps (id, owner_id, name) VALUES ?', [rows]);
  await measure('receipt 1000', '/api/analytics/events/01893d5c-0000-7000-8000-000000000000/receipt', 10);
  await measure('summary 1000 apps', `/api/analytics/event-summary?startDate=${day(40)}`, 5);
  await measure('events 1000 apps', `/api/analytics/events?limit=10`, 3);
  await measure('users 1000 apps', `/api/analytics/users?limit=10`, 3);
  await measure('user-stats 1000 apps', `/api/analytics/user-stats?userId=user-1`, 3);
  await server.stop();
} catch (e) { console.error(e); } finally { await bench.close(); }
