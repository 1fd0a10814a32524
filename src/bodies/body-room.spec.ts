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

  test('where the room is full, whoever holds the most loses first', () => {
    for (const holder of ['ann', 'bob']) {
      for (let i = 0; i < 5; i += 1) room.hold(enter(`${holder}${i}`, holder), (holder === 'ann' ? 99 : 100) * KIB);
    }
    room.hold(enter('small', '203.0.113.1', false), 60 * KIB);
    expect(refused()).toEqual(['bob0']);
    room.hold(enter('large', 'carl'), 100 * KIB);
    expect(refused()).toEqual(['bob0', 'ann0']);
  });

  test('large bodies of unknown senders go before those of accounts, small ones do not', () => {
    for (let i = 0; i < 5; i += 1) room.hold(enter(`known${i}`, 'ann'), 90 * KIB);
    for (let i = 0; i < 9; i += 1) room.hold(enter(`small${i}`, `203.0.113.${i}`, false), 50 * KIB);
    room.hold(enter('unknown', '203.0.113.99', false), 100 * KIB);
    room.hold(enter('last', '203.0.113.50', false), 50 * KIB);
    expect(refused()).toEqual(['unknown']);
    room.hold(enter('more', '203.0.113.51', false), 60 * KIB);
    expect(refused()).toEqual(['unknown', 'known0']);
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
