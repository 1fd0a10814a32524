import type { Channel } from './channel.js';
import type { ClickIdKind } from './click-id.js';

/** Where an event was made. */
export type Origin = 'browser' | 'app' | 'server';

/**
 * What the read model stores of an event beside its own columns. Texts are valid Unicode, decoded and normalised; '' stands for
 * unknown or absent. docs/read-model.md lists where each comes from.
 */
export interface DerivedFields {
  /** Host of the page, as people read it: lower case, no port 80 or 443, punycode decoded, `www.` kept. */
  host: string;
  /** Path of the page: decoded, without query and trailing slash, with the route of a hash router. '/' for a bare host. */
  path: string;
  /** What follows the question mark, as it was sent. */
  query: string;

  utmSource: string;
  utmMedium: string;
  utmCampaign: string;
  utmTerm: string;
  utmContent: string;
  /** The advertiser's parameter that the URL carried. */
  clickIdKind: ClickIdKind | '';
  clickId: string;

  /** Host of the referrer, in the spelling of `host`; of an `android-app://` referrer the name of its package. */
  referrerHost: string;
  /** The referrer is a page of the same site: it is no source. */
  referrerIsInternal: boolean;
  /** Who sent the visitor, by this event alone: a name such as `Google`, a host without `www.`, or a utm_source. */
  source: string;
  /** The kind of that source, by this event alone: `Direct` where it names none. */
  channel: Channel;

  title: string;
  /** As BCP 47 writes it: `pt-BR`. */
  language: string;
  /** `1512x982`. */
  screenSize: string;
  screenName: string;

  /** As it is stored: the text that `breakdown?by=browser` answers. */
  browser: string;
  /** Major and, unless it is 0, minor: `120`, `17.1`. */
  browserVersion: string;
  /** As it is stored. */
  os: string;
  osVersion: string;
  deviceModel: string;
  appVersion: string;
  /** The library that sent it. */
  sdk: string;

  isBot: boolean;
  origin: Origin | '';
}
