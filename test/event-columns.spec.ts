import { LISTED_COLUMNS } from '../src/analytics/queries/listed-event.js';
import { CARRIED_FIELDS, EVENT_COLUMNS, SHOWN_FIELDS } from '../src/events/event-columns.js';
import { INSERT } from '../src/processing/repositories/event.repository.js';

describe('the columns of events', () => {
  test('are written by one INSERT', () => {
    expect(INSERT).toBe(
      'INSERT INTO events (id, app_id, event, occurred_at, received_at, event_id, user_id, anonymous_id, session_id, url, ' +
        'referrer, device, browser, os, ip, metadata, user_agent, user_key, payload_hash, batch_id)\n' +
        'VALUES ? ON DUPLICATE KEY UPDATE app_id = app_id',
    );
  });

  test('are listed by one SELECT, in the order of the CSV export', () => {
    expect(LISTED_COLUMNS).toBe(
      'id, app_id, event, occurred_at, received_at, event_id, user_id, anonymous_id, session_id, url, referrer, device, ' +
        'browser, os, ip, metadata, user_agent',
    );
    expect(SHOWN_FIELDS.join()).toBe(
      'id,appId,event,occurredAt,receivedAt,eventId,userId,anonymousId,sessionId,url,referrer,device,browser,os,ip,' +
        'metadata,userAgent',
    );
  });

  test('have each a member of the envelope of their own, where they are carried in it', () => {
    const members = CARRIED_FIELDS.map((field) => EVENT_COLUMNS[field].envelope);
    const fixed = ['v', 'i', 'a', 'e', 't', 'r', 'k', 'u', 'd', 'h'];
    expect(new Set([...fixed, ...members]).size).toBe(fixed.length + members.length);
  });
});
