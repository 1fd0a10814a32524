/** The parameters by which advertisers know a click again. */
export const CLICK_ID_KINDS = ['gclid', 'fbclid', 'msclkid', 'ttclid', 'li_fat_id', 'twclid'] as const;
export type ClickIdKind = (typeof CLICK_ID_KINDS)[number];
