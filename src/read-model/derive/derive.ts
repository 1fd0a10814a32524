import type { StoredEventFields } from '../../events/stored-event.js';
import { clientDetails, shortVersion } from './client-details.js';
import type { DerivedFields } from './derived-fields.js';
import { metadataFields } from './metadata-fields.js';
import { pageOf } from './page.js';
import { isInternal, referrerHostOf } from './referrer.js';
import { sourceOf } from './source.js';

/**
 * Version of everything in this folder that decides what is derived: code and tables. Raise it with every change that gives a
 * stored event another value. The read model is then rebuilt.
 */
export const DERIVATION_VERSION = 1;

/** What the derivation needs to know beside the event. */
export interface DerivationContext {
  /**
   * The app's own hosts: a referrer there is internal. `www.` does not count. `*.example.com` stands for example.com and all its
   * subdomains. Pass the same list for all events of an app: what is made of it is remembered by its identity.
   */
  ownHosts: readonly string[];
}

/** What the read model stores of an event beside its own columns. Depends on nothing but its arguments, and never throws. */
export function derive(event: StoredEventFields, { ownHosts }: DerivationContext): DerivedFields {
  const page = pageOf(event.url ?? '');
  const referrerHost = referrerHostOf(event.referrer ?? '');
  const referrerIsInternal = isInternal(referrerHost, page.host, ownHosts);
  const { source, channel } = sourceOf(page, referrerIsInternal ? '' : referrerHost);
  const metadata = metadataFields(event.metadata);
  const browser = event.browser ?? '';
  const os = event.os ?? '';
  const client = clientDetails(event.userAgent ?? '', browser, os);
  return {
    host: page.host,
    path: page.path,
    query: page.query,
    utmSource: page.utmSource,
    utmMedium: page.utmMedium,
    utmCampaign: page.utmCampaign,
    utmTerm: page.utmTerm,
    utmContent: page.utmContent,
    clickIdKind: page.clickIdKind,
    clickId: page.clickId,
    referrerHost,
    referrerIsInternal,
    source,
    channel,
    title: metadata.title,
    language: metadata.language,
    screenSize: metadata.screenSize,
    screenName: metadata.screenName,
    browser,
    browserVersion: shortVersion(metadata.browserVersion || client.browserVersion),
    os,
    osVersion: shortVersion(metadata.osVersion || client.osVersion),
    deviceModel: metadata.deviceModel || client.deviceModel,
    appVersion: metadata.appVersion,
    sdk: metadata.sdk,
    isBot: event.device === 'bot',
    // No column says where an event was made. One that does is read here.
    origin: '',
  };
}
