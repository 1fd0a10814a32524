import { InvalidInputError } from '../common/app-error.js';
import { isBlank } from '../events/characters.js';
import type { ClientEvent } from '../events/client-event.js';
import { type Device, DEVICES, type Metadata } from '../events/event.js';
import { METADATA_MAX_BYTES } from '../events/limits.js';
import { metadataText } from '../events/metadata.js';
import type { Platform } from '../events/platform.js';
import { clientOf } from './user-agent.js';

/** What an event's client runs on. */
export interface ClientDevice {
  class: Device;
  browser: string | undefined;
  os: string | undefined;
  /** The event's, with the client's own name for a device that we do not know. */
  metadata: Metadata | undefined;
}

/** Before anything is known. */
export const UNKNOWN_DEVICE: ClientDevice = { class: 'other', browser: undefined, os: undefined, metadata: undefined };

/**
 * Takes device, browser and os from the payload, and from the User-Agent where the payload has none. An unknown device counts
 * as other, and its name is kept in metadata.
 * @param header User-Agent of the request @param platform of the app
 * @throws InvalidInputError when metadata has no room for that name
 */
export function clientDevice(
  fields: ClientEvent,
  header: string | undefined,
  platform: Platform | undefined,
): ClientDevice {
  const client = clientOf(fields.userAgent ?? header, platform);
  const named = fields.device?.trim().toLowerCase();
  const known = DEVICES.find((device) => device === named);
  const keepOriginal = named && !known && fields.metadata?.device === undefined;
  const metadata = keepOriginal ? { ...fields.metadata, device: fields.device } : fields.metadata;
  if (keepOriginal && Buffer.byteLength(metadataText(metadata!)) > METADATA_MAX_BYTES) {
    throw new InvalidInputError([
      { field: 'device', message: `is none of ${DEVICES.join(', ')}, and metadata has no room left to keep it` },
    ]);
  }
  return {
    class: named ? (known ?? 'other') : client.device,
    browser: shortText(fields.metadata?.browser) ?? client.browser,
    os: shortText(fields.metadata?.os) ?? client.os,
    metadata,
  };
}

/** A name of a browser or os. Any other value stays in metadata and sets no column. */
function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && !isBlank(value) && value.length <= 128 && !value.includes('\0')
    ? value
    : undefined;
}
