import { CLICK_ID_KINDS, type ClickIdKind } from './click-id.js';
import { decodedValue } from './percent.js';

/** What the parameters of a URL say about where its visitor came from. '' where there is none. */
export interface Campaign {
  readonly utmSource: string;
  readonly utmMedium: string;
  readonly utmCampaign: string;
  readonly utmTerm: string;
  readonly utmContent: string;
  readonly clickIdKind: ClickIdKind | '';
  readonly clickId: string;
}

export const NO_CAMPAIGN: Campaign = {
  utmSource: '',
  utmMedium: '',
  utmCampaign: '',
  utmTerm: '',
  utmContent: '',
  clickIdKind: '',
  clickId: '',
};

type UtmField = Exclude<keyof Campaign, 'clickId' | 'clickIdKind'>;

const UTM_FIELDS: ReadonlyMap<string, UtmField> = new Map([
  ['utm_source', 'utmSource'],
  ['utm_medium', 'utmMedium'],
  ['utm_campaign', 'utmCampaign'],
  ['utm_term', 'utmTerm'],
  ['utm_content', 'utmContent'],
]);
const CLICK_IDS: ReadonlyMap<string, ClickIdKind> = new Map(CLICK_ID_KINDS.map((kind) => [kind, kind]));

/**
 * Reads the parameters of a query. Of a name that stands there more than once, the last value that is not blank counts; of several
 * click ids the last one, since each advertiser adds its own at the end.
 */
export function campaignOf(query: string): Campaign {
  if (!query.includes('=')) return NO_CAMPAIGN;
  const found: { -readonly [K in keyof Campaign]: Campaign[K] } = { ...NO_CAMPAIGN };
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = decodedValue(pair.slice(0, equals));
    const utm = UTM_FIELDS.get(name);
    const clickId = utm ? undefined : CLICK_IDS.get(name);
    if (!utm && !clickId) continue;
    const value = decodedValue(pair.slice(equals + 1));
    if (value.trim() === '') continue;
    if (utm) found[utm] = value;
    else if (clickId) {
      found.clickIdKind = clickId;
      found.clickId = value;
    }
  }
  return found;
}
