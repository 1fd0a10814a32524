/** Where a spreadsheet may begin a new cell: at `;` and tabs, which are separators in many countries, and at line ends. */
const SEPARATOR = String.raw`[;\t\n\v\f\r\u0085\u2028\u2029]`;
/** White space, invisible characters and quotes, which a spreadsheet may drop before it looks for a formula. */
const DROPPED = String.raw`(?:(?!${SEPARATOR})[\p{Z}\p{C}"])*`;
/** ASCII, full-width and small forms, and the minus sign: spreadsheets take them for each other. */
const BEGINS_FORMULA = String.raw`[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\uFE66\uFE62\uFE63\uFE6B\u2212]`;

const FORMULA = new RegExp(String.raw`(?<=^|${SEPARATOR})(?=${DROPPED}${BEGINS_FORMULA})`, 'gu');
const LEADING_SEPARATOR = /^[\t\r\n]/;

/**
 * A text as a cell of a CSV file. An apostrophe goes before everything that a spreadsheet would take for a formula (CSV
 * injection), at the start of the text and wherever the spreadsheet may split it. csv-stringify's `escape_formulas` looks at
 * the first character alone.
 */
export function csvCell(text: string): string {
  const neutral = text.replace(FORMULA, "'");
  return LEADING_SEPARATOR.test(neutral) ? `'${neutral}` : neutral;
}
