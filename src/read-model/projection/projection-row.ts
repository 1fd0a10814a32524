import { userKey } from '../../events/distinct-user.js';
import type { Device, UserKind } from '../../events/event.js';
import type { StoredEventFields } from '../../events/stored-event.js';
import { DERIVATION_VERSION, type DerivationContext, derive } from '../derive/derive.js';
import type { DerivedFields } from '../derive/derived-fields.js';

/** A row of the read model. Unknown texts are empty; keys and ids are 32 hex digits; times are ms since 1970 UTC. */
export interface ProjectionRow extends DerivedFields {
  appId: string;
  occurredAt: number;
  event: string;
  userKey: string;
  id: string;
  receivedAt: number;
  /** The transaction that stored it in MySQL. */
  batchId: string;
  userKind: UserKind;
  /** Key of the anonymous id that an event of a known user names beside; zeros where there is none. */
  aliasKey: string;
  sessionId: string;
  device: Device;
  /** As it was sent: the text that `breakdown?by=url` answers. */
  url: string;
  /** The JSON text as MySQL keeps it; empty where there is none. */
  metadata: string;
  /** ClickHouse refused the row with its metadata. */
  metadataLeftOut: boolean;
  /** {@link DERIVATION_VERSION} of the code that made it. */
  derivation: number;
}

const NO_KEY = '0'.repeat(32);

/**
 * The row of an event, from nothing but what MySQL stores of it and the app's own hosts. Live copy, recovery, backfill and
 * rebuild use it, so that they make the same row.
 */
export function projectionRow(event: StoredEventFields, context: DerivationContext): ProjectionRow {
  const { userId, anonymousId } = event;
  const userKind = userId !== null ? 'user' : anonymousId !== null ? 'anonymous' : 'visitor';
  return {
    appId: event.appId,
    occurredAt: event.occurredAt.getTime(),
    event: event.event,
    userKey: event.userKey,
    id: event.id,
    receivedAt: event.receivedAt.getTime(),
    batchId: event.batchId,
    userKind,
    aliasKey: userKind === 'user' && anonymousId !== null ? anonymousKey(anonymousId) : NO_KEY,
    sessionId: event.sessionId ?? '',
    device: event.device,
    url: event.url ?? '',
    ...derive(event, context),
    metadata: event.metadata ?? '',
    metadataLeftOut: false,
    derivation: DERIVATION_VERSION,
  };
}

function anonymousKey(anonymousId: string): string {
  return userKey('anonymous', anonymousId).toString('hex');
}
