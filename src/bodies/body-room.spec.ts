import { BodyRoom } from './body-room.js';

test('the body that began first goes where there is no room left, and those that are done free theirs', () => {
  const room = new BodyRoom(100);
  const gone: string[] = [];
  const enter = (name: string) => room.enter(({ status, code }) => gone.push(`${name} ${status} ${code}`));
  const [slow, slower, quick] = [enter('slow'), enter('slower'), enter('quick')];
  room.hold(slow, 40);
  room.hold(slower, 40);
  room.hold(quick, 20);
  expect(gone).toEqual([]);
  room.leave(quick);
  room.hold(slower, 20);
  expect(gone).toEqual([]);
  room.hold(slower, 1);
  expect(gone).toEqual(['slow 503 bodies_too_slow']);
  room.leave(slow);
  room.hold(slower, 39);
  expect(gone).toHaveLength(1);
  // Larger than all of the room by itself.
  room.hold(slower, 1);
  expect(gone).toEqual(['slow 503 bodies_too_slow', 'slower 503 bodies_too_slow']);
  room.hold(enter('next'), 100);
  expect(gone).toHaveLength(2);
});

test('bodies of unknown senders go before those of known ones', () => {
  const gone: string[] = [];
  const room = new BodyRoom(100);
  const enter = (name: string, known: boolean) => {
    const body = room.enter(() => gone.push(name));
    body.known = known;
    return body;
  };
  const [known, unknown] = [enter('known', true), enter('unknown', false)];
  room.hold(known, 60);
  room.hold(unknown, 60);
  expect(gone).toEqual(['unknown']);
  // What has gone holds nothing any more.
  room.hold(unknown, 1000);
  room.hold(enter('next', false), 40);
  expect(gone).toEqual(['unknown']);
});
