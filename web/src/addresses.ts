/** Address of the browser script, as TRACKER_NAME says. The server writes it into the page (src/dashboard/set-up.ts). */
export function scriptAddress(): string {
  return location.origin + document.querySelector<HTMLMetaElement>('meta[name="tallystone-script"]')!.content;
}

/**
 * The address of an analytics route that content blockers leave alone. Filter lists name `/api/analytics/`, also on the
 * page's own host; both addresses answer the same.
 */
export function reachable(address: string): string {
  return address.replace('/api/analytics/', '/api/reports/');
}
