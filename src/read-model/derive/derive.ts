import type { StoredEventFields } from '../../events/stored-event.js';
import type { DerivedFields } from './derived-fields.js';

/**
 * Version of everything in this folder that decides what is derived: code and tables. Raise it with every change that gives a
 * stored event another value. The read model is then rebuilt.
 */
export const DERIVATION_VERSION = 1;

/** What the derivation needs to know beside the event. */
export interface DerivationContext {
  /** The app's own hosts: a referrer there is internal. `*.example.com` stands for the host and all its subdomains. */
  ownHosts: readonly string[];
}

/** What the read model stores of an event beside its own columns. Depends on nothing but its arguments, and never throws. */
export function derive(event: StoredEventFields, _context: DerivationContext): DerivedFields {
  return {
    host: '',
    path: '',
    query: '',
    utmSource: '',
    utmMedium: '',
    utmCampaign: '',
    utmTerm: '',
    utmContent: '',
    clickIdKind: '',
    clickId: '',
    referrerHost: '',
    referrerIsInternal: false,
    source: '',
    channel: 'Direct',
    title: '',
    language: '',
    screenSize: '',
    screenName: '',
    browser: event.browser ?? '',
    browserVersion: '',
    os: event.os ?? '',
    osVersion: '',
    deviceModel: '',
    appVersion: '',
    sdk: '',
    isBot: event.device === 'bot',
    origin: '',
  };
}
