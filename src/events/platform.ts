/** What an app runs on, as its owner says. */
export const PLATFORMS = ['web', 'ios', 'android', 'server'] as const;
export type Platform = (typeof PLATFORMS)[number];
