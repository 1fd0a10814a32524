import Bowser from 'bowser';
import { USER_AGENT_MAX } from '../events/limits.js';

/** What is kept of the program that signed in: names without versions, enough for a person to know it again. */
export interface SessionClient {
  browser: string | null;
  os: string | null;
}

/** As the columns hold them. */
const NAME_MAX = 64;

/** @param userAgent header of the sign-in @returns nulls for what it does not tell */
export function sessionClient(userAgent: string | undefined): SessionClient {
  if (!userAgent) return { browser: null, os: null };
  const { browser, os } = Bowser.parse(userAgent.slice(0, USER_AGENT_MAX));
  return { browser: name(browser.name), os: name(os.name) };
}

/** bowser gives the beginning of a User-Agent that it does not know as the name. */
function name(text: string | undefined): string | null {
  return text && text.length <= NAME_MAX && /^[\p{L}\p{N} .+-]+$/u.test(text) ? text : null;
}
