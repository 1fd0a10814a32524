import { escapeHtml, page } from '../../common/page.js';

/** Asks for any name and e-mail; the form goes on to the interaction's end. */
export function localSignInPage(uid: string): string {
  return page(
    'Sign in on this machine',
    `<p>This stands in for Google while no Google client is set. Anyone who reaches this port can sign in as anyone.</p>
<form method="get" action="/local-sign-in/interaction/${escapeHtml(uid)}/finish">
<label>E-mail <input name="email" type="email" required autofocus maxlength="320" value="ann@example.test" autocomplete="email"></label>
<label>Name <input name="name" maxlength="255" value="Ann" autocomplete="name"></label>
<button type="submit">Sign in</button>
</form>`,
  );
}
