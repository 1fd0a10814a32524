/**
 * Waits for a call, and says on the page when it got no answer although the page itself was served.
 * @returns what the call returns; null when it failed
 */
export async function answerOf(call) {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await tellNoAnswer();
    return null;
  }
}

/** As fetch, for Swagger UI, which shows a failure in words that do not help. */
export async function toldFetch(address, init) {
  try {
    return await fetch(address, init);
  } catch (error) {
    await tellNoAnswer();
    throw error;
  }
}

async function tellNoAnswer() {
  const notice = document.getElementById('notice');
  notice.textContent = (await serverAnswers())
    ? `A content blocker in this browser probably stopped a request of this page: the server answers others. Allow ${window.location.host} in the content blocker, then load this page again.`
    : 'The server did not answer. Check your connection, and that the server is running. If other pages load, a content blocker in this browser is the likely cause.';
  notice.hidden = false;
}

/** Whether the server answers a call that no content blocker looks for. */
async function serverAnswers() {
  try {
    await fetch('/health', { cache: 'no-store' });
    return true;
  } catch {
    return false;
  }
}
