/** @typedef {import('mysql2/promise').Connection} Connection */

/** Rows of one INSERT: short statements pass any max_allowed_packet. */
const ROWS_AT_ONCE = 200;

/**
 * A database as SQL: its tables as they are, and their rows. Read in one snapshot, and of no use to anybody in whose session
 * the time zone is not UTC.
 * @param {Connection} db with `dateStrings` and `supportBigNumbers`, so that every value keeps all of its digits
 * @returns {Promise<string>} statements, each on a line of its own that ends in a semicolon
 */
export async function sqlDump(db) {
  const lines = ["SET SESSION time_zone = '+00:00';", 'SET SESSION foreign_key_checks = 0;'];
  await db.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  const [tables] = await db.query(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 1",
  );
  for (const { name } of /** @type {{name: string}[]} */ (tables)) {
    const [shown] = await db.query(`SHOW CREATE TABLE \`${name}\``);
    const [made] = /** @type {{'Create Table': string}[]} */ (shown);
    lines.push(`${made['Create Table'].replace(/\s*\n\s*/g, ' ')};`);
    lines.push(...(await rowsOf(db, name)));
  }
  await db.query('COMMIT');
  return `${lines.join('\n')}\n`;
}

/** @param {Connection} db @param {string} table */
async function rowsOf(db, table) {
  const [found] = await db.query({ sql: `SELECT * FROM \`${table}\``, rowsAsArray: true });
  const rows = /** @type {unknown[][]} */ (found);
  const lines = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const values = rows.slice(from, from + ROWS_AT_ONCE).map((row) => `(${row.map(literal).join(',')})`);
    lines.push(`INSERT INTO \`${table}\` VALUES ${values.join(',')};`);
  }
  return lines;
}

/** @param {unknown} value of a column */
function literal(value) {
  if (value === null) return 'NULL';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);

  if (Buffer.isBuffer(value)) return value.length > 0 ? `X'${value.toString('hex')}'` : "''";
  return `'${String(value).replace(/[\\'\n\r\0]/g, (one) => ({ '\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r', '\0': '\\0' })[one])}'`;
}
