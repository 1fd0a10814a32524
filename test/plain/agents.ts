/** Parts of browsers' User-Agents, for tests to add to. */
export const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)';
export const CHROME = `${WEBKIT} Chrome/131.0.0.0`;
export const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
export const android = (model: string): string =>
  `Mozilla/5.0 (Linux; Android 14; ${model}) ${CHROME} Mobile Safari/537.36`;
