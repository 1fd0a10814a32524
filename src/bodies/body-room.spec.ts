import { BodyRoom } from './body-room.js';

const KIB = 1024;

describe('the room for bodies that are still arriving', () => {
  let room: BodyRoom;
  let gone: string[];
  beforeEach(() => {
    room = new BodyRoom(1000 * KIB);
    gone = [];
  });
  const enter = (name: string, holder: string, known = true) =>
    room.enter({ name: holder, known }, ({ status, code }) => gone.push(`${name} ${status} ${code}`));
  const refused = () => gone.map((line) => line.split(' ')[0]);

  test('an account may hold half: its large body that began first goes, and bodies that are done free theirs', () => {
    const [small, slow, quick] = [enter('small', 'ann'), enter('slow', 'ann'), enter('quick', 'ann')];
    room.hold(small, 10 * KIB);
    room.hold(slow, 240 * KIB);
    room.hold(quick, 250 * KIB);
    expect(gone).toEqual([]);
    room.leave(quick);
    room.hold(slow, 250 * KIB);
    expect(gone).toEqual([]);
    room.hold(enter('next', 'ann'), 1);
    expect(gone).toEqual(['slow 503 bodies_too_slow']);
    // What has gone holds nothing any more.
    room.hold(slow, 1000 * KIB);
    room.leave(slow);
    room.hold(enter('another', 'ann'), 400 * KIB);
    expect(gone).toHaveLength(1);
  });

  test('a body larger than half of the room goes by itself', () => {
    const body = enter('huge', 'ann');
    room.hold(body, 501 * KIB);
    expect(refused()).toEqual(['huge']);
  });

  test('where accounts fill the room, whoever holds the most loses first', () => {
    for (const holder of ['ann', 'bob']) {
      for (let i = 0; i < 5; i += 1) room.hold(enter(`${holder}${i}`, holder), (holder === 'ann' ? 84 : 90) * KIB);
    }
    room.hold(enter('small', 'carl'), 10 * KIB);
    expect(refused()).toEqual(['bob0']);
    room.hold(enter('large', 'carl'), 100 * KIB);
    expect(refused()).toEqual(['bob0', 'ann0']);
  });

  test('all unknown senders together may hold half, and no account is refused for what they hold', () => {
    for (let i = 0; i < 40; i += 1) room.hold(enter(`unknown${i}`, `2001:db8:0:${i}`, false), 50 * KIB);
    expect(refused()).toEqual(Array.from({ length: 30 }, (_none, i) => `unknown${i}`));
    for (const holder of ['ann', 'bob']) room.hold(enter(holder, holder), 430 * KIB);
    expect(refused().slice(30)).toEqual(Array.from({ length: 8 }, (_none, i) => `unknown${30 + i}`));
    for (const holder of ['carl', 'dora']) room.hold(enter(holder, holder), 7 * KIB);
    expect(refused().filter((name) => !name?.startsWith('unknown'))).toEqual([]);
  });

  test('accounts leave room for unknown senders, and among these whoever sends little keeps it', () => {
    for (const holder of ['ann', 'bob']) {
      for (let i = 0; i < 10; i += 1) room.hold(enter(`${holder}${i}`, holder), 50 * KIB);
    }
    expect(refused()).toEqual(['ann0', 'ann1', 'bob0']);
    for (let i = 0; i < 5; i += 1) room.hold(enter(`slow${i}`, `203.0.113.${i}`, false), 50 * KIB);
    room.hold(enter('quick', '203.0.113.99', false), 10 * KIB);
    expect(refused().slice(3)).toEqual(['slow0', 'slow1', 'slow2']);
  });

  test('unknown senders lose by network: one with many addresses loses before a single address that holds more', () => {
    const at = (name: string, address: string, network: string) =>
      room.enter({ name: address, network, known: false }, () => gone.push(name));
    room.hold(at('single', '2001:db8:7:1', '2001:db8:7'), 60 * KIB);
    for (let i = 0; i < 9; i += 1) room.hold(at(`many${i}`, `2001:db8:8:${i}`, '2001:db8:8'), 50 * KIB);
    expect(gone).toEqual(['many0']);
  });

  test('a body counts for the account from when its key is found', () => {
    const body = enter('first', '203.0.113.1', false);
    room.hold(body, 400 * KIB);
    room.move(body, { name: 'ann', known: true });
    room.hold(enter('unknown', '203.0.113.1', false), 400 * KIB);
    expect(gone).toEqual([]);
    room.hold(enter('second', 'ann'), 101 * KIB);
    expect(refused()).toEqual(['first']);
  });
});
