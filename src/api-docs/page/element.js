/**
 * An element of index.html.
 * @param {string} id
 * @throws Error when the page has none
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element ${id}`);
  return found;
}
