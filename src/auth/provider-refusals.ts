/**
 * The provider's codes for a refusal (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6) and what we say of each; access_denied
 * is the person's own wish, which passport tells apart.
 */
const REFUSALS: ReadonlyMap<unknown, string> = new Map([
  ['account_selection_required', 'The sign-in provider must be told which account to use.'],
  ['consent_required', 'The sign-in provider asks for your consent first.'],
  ['interaction_required', 'The sign-in provider has to ask you something first.'],
  ['invalid_request', 'The sign-in provider did not understand our request.'],
  ['invalid_scope', 'The sign-in provider does not give what this sign-in asks for.'],
  ['login_required', 'The sign-in provider wants you to sign in there first.'],
  ['server_error', 'The sign-in provider had an error.'],
  ['temporarily_unavailable', 'The sign-in provider is not available just now.'],
  ['unauthorized_client', 'The sign-in provider does not let this installation sign people in.'],
  ['unsupported_response_type', 'The sign-in provider does not offer this kind of sign-in.'],
]);

/**
 * What happened, in our words. The code and its description come with the URL, which anyone can write: neither is shown.
 * @param code `error` of the callback
 */
export function refusal(code: unknown): string {
  return REFUSALS.get(code) ?? 'The sign-in provider refused the sign-in.';
}
