/** Loads a file of lines as {@link eventLine} makes them. */
export const LOAD_EVENTS = (file) => `LOAD DATA INFILE '${file}' INTO TABLE events CHARACTER SET utf8mb4
(@app, @id, event, occurred_at, received_at, @user, user_id, url, referrer, device, browser, os, ip, metadata)
SET app_id = UNHEX(@app), id = UNHEX(@id), user_key = UNHEX(@user), payload_hash = REPEAT(X'00', 8),
  batch_id = REPEAT(X'00', 16)`;

/** @param event as collect accepts it @param userKey 16 bytes */
export function eventLine(event, userKey) {
  const { appId, id, event: name, occurredAt, receivedAt, userValue } = event;
  const { url, referrer, device, browser, os, ip, metadata } = event;
  return [
    ...[appId, id, name, sqlTime(occurredAt), sqlTime(receivedAt), userKey.toString('hex'), userValue],
    ...[url, referrer, device, browser, os, ip, metadata],
  ].join('\t');
}

/** DATETIME(3) in UTC. */
export function sqlTime(ms) {
  return new Date(ms).toISOString().slice(0, 23).replace('T', ' ');
}
