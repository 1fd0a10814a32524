import { remembered } from './bounded-cache.js';
import { type Channel, channelOf } from './channel.js';
import type { ClickIdKind } from './click-id.js';
import { withoutWww } from './host.js';
import { type Campaign, NO_CAMPAIGN } from './parameters.js';
import { siteOfHost, siteOfSource } from './site-table.js';
import type { Site } from './sites.js';

/** Who sent a visitor. */
export interface Source {
  readonly source: string;
  readonly channel: Channel;
}

interface Advertiser {
  readonly name: string;
  /** Only advertisements carry its click id. */
  readonly isPaid: boolean;
}

/**
 * Whose click id it is, by the name in sites.ts. `fbclid` is on every link that leaves Facebook and Instagram, and does not say that
 * anybody paid for it.
 */
const ADVERTISERS: Readonly<Record<ClickIdKind, Advertiser>> = {
  gclid: { name: 'Google', isPaid: true },
  msclkid: { name: 'Bing', isPaid: true },
  ttclid: { name: 'TikTok', isPaid: true },
  twclid: { name: 'X', isPaid: true },
  li_fat_id: { name: 'LinkedIn', isPaid: true },
  fbclid: { name: 'Facebook', isPaid: false },
};

const DIRECT: Source = { source: '', channel: 'Direct' };
/** What campaigns write where GA4 shows that nothing is known. */
const NOT_SET = new Set(['(direct)', '(none)', '(not set)']);

/**
 * Source and channel of one event by itself, whatever came before in its visit: an event in the middle of a visit is `Direct`, with
 * the source ''. The source of a visit is that of its first page view, and is found when a question is answered.
 *
 * The source is, from the first of these that is there: the utm_source, the referrer, the advertiser whose click id the URL carries.
 * A site that is known has its name, so that `google`, `google.com` and https://www.google.de/ are one source: `Google`.
 *
 * A click id that only advertisements carry counts as the medium `cpc` where there is no utm_medium: `gclid` makes Paid Search of
 * Google and Paid Video of YouTube.
 *
 * @param referrerHost '' where there is none, or an internal one
 */
export function sourceOf(campaign: Campaign, referrerHost: string): Source {
  const { utmSource, utmMedium, utmCampaign, clickIdKind } = campaign;
  if (utmSource || utmMedium || utmCampaign || clickIdKind) return campaignSource(campaign, referrerHost);
  return referrerHost ? referred(referrerHost) : DIRECT;
}

const referred = remembered(2000, (referrerHost) => campaignSource(NO_CAMPAIGN, referrerHost));

function campaignSource(campaign: Campaign, referrerHost: string): Source {
  const utmSource = said(campaign.utmSource);
  const utmMedium = said(campaign.utmMedium).toLowerCase();
  const { clickIdKind, utmCampaign } = campaign;
  const advertiser = clickIdKind ? ADVERTISERS[clickIdKind] : undefined;
  const { name, site } = senderOf(utmSource, referrerHost, advertiser);
  const medium = utmMedium || (advertiser?.isPaid ? 'cpc' : referrerHost && !utmSource ? 'referral' : '');
  const traffic = { source: name.toLowerCase(), medium, campaign: utmCampaign.toLowerCase(), kind: site?.kind };
  return { source: site?.name ?? name, channel: channelOf(traffic) };
}

/** The site that sent a visitor, where it is known, and what it is called otherwise. */
function senderOf(
  utmSource: string,
  referrerHost: string,
  advertiser: Advertiser | undefined,
): { name: string; site?: Site } {
  if (utmSource) return { name: utmSource, site: siteOfSource(utmSource) };
  if (referrerHost) return { name: withoutWww(referrerHost), site: siteOfHost(referrerHost) ?? undefined };
  return { name: advertiser?.name ?? '', site: advertiser && siteOfSource(advertiser.name) };
}

function said(value: string): string {
  return NOT_SET.has(value.toLowerCase()) ? '' : value;
}
