import { escapeHtml, page } from '../../common/page.js';

/**
 * Asks for any name and e-mail; the form goes on to the interaction's end.
 * @param asked whom another web site wants to be signed in
 */
export function localSignInPage(uid: string, asked?: { email: string; name: string }): string {
  const { email, name } = asked ?? { email: 'ann@example.test', name: 'Ann' };
  const warning = asked
    ? '<p><strong>Another web site sent you here.</strong> Sign in only if you meant to.</p>\n'
    : '';
  return page(
    'Sign in on this machine',
    `${warning}<p>This stands in for Google while no Google client is set. Anyone who reaches this port can sign in as anyone.</p>
<form method="get" action="/local-sign-in/interaction/${escapeHtml(uid)}/finish">
<label>E-mail <input name="email" type="email" required autofocus maxlength="320" value="${escapeHtml(email)}" autocomplete="email"></label>
<label>Name <input name="name" maxlength="255" value="${escapeHtml(name)}" autocomplete="name"></label>
<button type="submit">Sign in</button>
</form>`,
  );
}
