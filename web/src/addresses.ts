/** What the server wrote into the page: where the browser script is, and where it posts to (see src/dashboard/set-up.ts). */
const written = (name: string): string => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)!.content;

/** Address of the browser script, as TRACKER_NAME says. */
export const scriptAddress = (): string => location.origin + written('tallystone-script');

/**
 * The address of an analytics route that content blockers leave alone. Filter lists name `/api/analytics/`, also on the
 * page's own host; both addresses answer the same.
 */
export function reachable(address: string): string {
  return address.replace('/api/analytics/', '/api/reports/');
}
