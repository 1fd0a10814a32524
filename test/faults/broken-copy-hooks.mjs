// What broken-copy.mjs changes: the file, a text that must be in it, and what takes its place.
const CHANGES = {
  'without a token': ['/read-model/read-model-store.js', ', insert_deduplication_token: token', ''],
  'outbox first': [
    '/read-model/projector.js',
    'await this.sender.send(table, rows, group.id);',
    '{ await this.outbox.complete(group, generation); await this.sender.send(table, rows, group.id); }',
  ],
  'another derivation': [
    '/read-model/projection/projection-row.js',
    'export function projectionRow(event, context) {',
    `export function projectionRow(event, context) {
      return { ...derived(event, context), title: 'of another version' };
    }
    function derived(event, context) {`,
  ],
};

let change;

export function initialize(broken) {
  change = CHANGES[broken];
  if (!change) throw new Error(`BROKEN must be one of: ${Object.keys(CHANGES).join(', ')}`);
}

export async function load(url, context, next) {
  const loaded = await next(url, context);
  const [file, text, instead] = change;
  if (!url.endsWith(`/dist/src${file}`)) return loaded;
  const source = String(loaded.source);
  if (!source.includes(text)) throw new Error(`${file} does not contain: ${text}`);
  return { ...loaded, source: source.replace(text, instead) };
}
