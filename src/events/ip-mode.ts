/** What becomes of an address taken from the connection; `none` drops those in payloads too. */
export const IP_MODES = ['truncated', 'full', 'none'] as const;
export type IpMode = (typeof IP_MODES)[number];
