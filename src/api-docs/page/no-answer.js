import { element } from './element.js';

/**
 * Waits for a call, and shows on the page when it got no answer although the page itself was served.
 * @template Result
 * @param {Promise<Result>} call
 * @returns {Promise<Result | null>} null when it failed
 */
export async function answerOf(call) {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await explainNoAnswer();
    return null;
  }
}

/**
 * As fetch, for Swagger UI, whose own message about a failure does not help.
 * @param {RequestInfo} address
 * @param {RequestInit} [init]
 */
export async function fetchOrExplain(address, init) {
  try {
    return await fetch(address, init);
  } catch (error) {
    await explainNoAnswer();
    throw error;
  }
}

async function explainNoAnswer() {
  const notice = element('notice');
  notice.textContent = (await serverAnswers())
    ? `A content blocker in this browser probably stopped a request of this page: the server answers others. Allow ${window.location.host} in the content blocker, then load this page again.`
    : 'The server did not answer. Check your connection, and that the server is running. If other pages load, a content blocker in this browser is the likely cause.';
  notice.hidden = false;
}

/** Whether the server answers a call that no content blocker stops. */
async function serverAnswers() {
  try {
    await fetch('/health', { cache: 'no-store' });
    return true;
  } catch {
    return false;
  }
}
