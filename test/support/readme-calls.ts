/**
 * The README's five calls, in TypeScript, against the client that test/openapi-document.e2e-spec.ts generates. It is only
 * compiled: a wrong name or type in the document makes that fail.
 */
export const README_CALLS = `
import { client } from './client/client.gen';
import { collectEvent, getEventSummary, getReceipt, getUserStats, registerApp } from './client';

export async function readme(token: string): Promise<void> {
  client.setConfig({ baseUrl: 'http://127.0.0.1:3000', auth: token });
  const registered = await registerApp({ body: { name: 'My site' }, throwOnError: true });
  const apiKey: string = registered.data.apiKey;
  const collected = await collectEvent({
    body: { event: 'signup_click', userId: 'user-1', device: 'mobile' },
    headers: { 'x-api-key': apiKey },
    throwOnError: true,
  });
  const summary = await getEventSummary({ query: { event: 'signup_click' }, throwOnError: true });
  const count: number = summary.data.count;
  const mobile: number = summary.data.deviceData.mobile;
  const stats = await getUserStats({ query: { userId: 'user-1' }, throwOnError: true });
  const lastSeen: string | null = stats.data.lastSeen;
  const receipt = await getReceipt({ path: { id: collected.data.id }, throwOnError: true });
  const status: 'stored' | 'dead_letter' | 'unknown' = receipt.data.status;
  console.log(count, mobile, lastSeen, status);
}
`;
