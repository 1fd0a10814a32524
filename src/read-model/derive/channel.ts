import type { SiteKind } from './sites.js';

/** The channels of GA4's default channel group. */
export const CHANNELS = [
  'Direct',
  'Cross-network',
  'Paid Shopping',
  'Paid Search',
  'Paid Social',
  'Paid Video',
  'Display',
  'Paid Other',
  'AI Assistant',
  'Organic Shopping',
  'Organic Social',
  'Organic Video',
  'Organic Search',
  'Referral',
  'Email',
  'Affiliates',
  'Audio',
  'SMS',
  'Mobile Push Notifications',
  'Unassigned',
] as const;
export type Channel = (typeof CHANNELS)[number];

/** What the rules look at. Texts are in lower case, '' where nothing is known. */
export interface Traffic {
  source: string;
  medium: string;
  campaign: string;
  /** Of the site that the source is. */
  kind: SiteKind | undefined;
}

const EMAIL = ['email', 'e-mail', 'e_mail', 'e mail'];
const SOCIAL = ['social', 'social-network', 'social-media', 'sm', 'social network', 'social media'];
const DISPLAY = ['display', 'banner', 'expandable', 'interstitial', 'cpm'];

/** GA4: `^(.*cp.*|ppc|retargeting|paid.*)$` */
const isPaid = ({ medium }: Traffic): boolean =>
  medium.includes('cp') || medium === 'ppc' || medium === 'retargeting' || medium.startsWith('paid');
/** GA4: a list of shopping sites, or a campaign that matches `^(.*(([^a-df-z]|^)shop|shopping).*)$` */
const isShopping = ({ kind, campaign }: Traffic): boolean =>
  kind === 'shopping' || /(?:^|[^a-df-z])shop|shopping/.test(campaign);

/**
 * GA4's rules for manual traffic, in their order: the first that fits decides
 * (https://support.google.com/analytics/answer/9756891; AI Assistant: https://support.google.com/analytics/answer/9164320, 13 May
 * 2026). Two differences: an AI assistant counts by its site too, since campaigns rarely name that medium, and so does web mail as
 * Email, which GA4 counts as Referral.
 */
const RULES: readonly [Channel, (traffic: Traffic) => boolean][] = [
  ['Direct', ({ source, medium, campaign }) => source === '' && medium === '' && campaign === ''],
  ['Cross-network', ({ campaign }) => campaign.includes('cross-network')],
  ['Paid Shopping', (traffic) => isPaid(traffic) && isShopping(traffic)],
  ['Paid Search', (traffic) => isPaid(traffic) && traffic.kind === 'search'],
  ['Paid Social', (traffic) => isPaid(traffic) && traffic.kind === 'social'],
  ['Paid Video', (traffic) => isPaid(traffic) && traffic.kind === 'video'],
  ['Display', ({ medium }) => DISPLAY.includes(medium)],
  ['Paid Other', isPaid],
  ['AI Assistant', ({ kind, medium }) => kind === 'ai' || medium === 'ai-assistant'],
  ['Organic Shopping', isShopping],
  ['Organic Social', ({ kind, medium }) => kind === 'social' || SOCIAL.includes(medium)],
  ['Organic Video', ({ kind, medium }) => kind === 'video' || medium.includes('video')],
  ['Organic Search', ({ kind, medium }) => kind === 'search' || medium === 'organic'],
  ['Email', ({ kind }) => kind === 'mail'],
  ['Referral', ({ medium }) => ['referral', 'app', 'link'].includes(medium)],
  ['Email', ({ source, medium }) => EMAIL.includes(source) || EMAIL.includes(medium)],
  ['Affiliates', ({ medium }) => medium === 'affiliate'],
  ['Audio', ({ medium }) => medium === 'audio'],
  ['SMS', ({ source, medium }) => source === 'sms' || medium === 'sms'],
  [
    'Mobile Push Notifications',
    ({ source, medium }) =>
      medium.endsWith('push') || medium.includes('mobile') || medium.includes('notification') || source === 'firebase',
  ],
];

/** The channel of traffic: `Unassigned` where it names a source but no rule fits. */
export function channelOf(traffic: Traffic): Channel {
  return RULES.find(([, fits]) => fits(traffic))?.[0] ?? 'Unassigned';
}
