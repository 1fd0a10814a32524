import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { LaunchError } from '../launcher/terminal.mjs';

/** By which bytes a file begins. Its name tells less: rotated logs are called `access.log.2.gz` or `access.log.gz-20250101`. */
const COMPRESSED = { '1f8b': 'gzip', '425a68': 'bzip2', fd377a58: 'xz', '28b52ffd': 'zstd' };
const ENCODINGS = { fffe: 'utf-16le', feff: 'utf-16be' };
const LINE_BREAK = /\r?\n|\r(?!\n)/;
/** Files that were joined have a byte order mark where one of them began, perhaps without a line break before it. */
const JOINT = /\uFEFF(?=\S+ [^[\]]{1,200} \[\d\d\/)/;

/**
 * The lines of a log file, plain or gzip, in UTF-8 or UTF-16 (with a byte order mark), without those that are empty.
 * @param {string} file
 * @returns `raw`, whose bytesRead tells how far the file is read; and `lines`, to be read once
 * @throws LaunchError where the file is compressed in another way
 */
export async function readLog(file) {
  const compression = kindOf(COMPRESSED, await firstBytes(file));
  if (compression && compression !== 'gzip') {
    throw new LaunchError(`${file} is compressed by ${compression}: decompress it first.`);
  }
  const raw = createReadStream(file);
  const bytes = compression ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => bytes.destroy(error));
  return { raw, lines: linesOf(bytes) };
}

/** @param {AsyncIterable<Buffer>} bytes */
async function* linesOf(bytes) {
  let rest = '';
  for await (const part of textOf(bytes)) {
    const lines = (rest + part).split(LINE_BREAK);
    rest = lines.pop() ?? '';
    for (const line of lines) yield* partsOf(line);
  }
  yield* partsOf(rest);
}

/** @param {string} line */
function partsOf(line) {
  return line.split(JOINT).filter((part) => part !== '');
}

/** @param {AsyncIterable<Buffer>} bytes */
async function* textOf(bytes) {
  let decoder;
  for await (const chunk of bytes) {
    decoder ??= new TextDecoder(kindOf(ENCODINGS, chunk) ?? 'utf-8', { ignoreBOM: true });
    yield decoder.decode(chunk, { stream: true });
  }
  if (decoder) yield decoder.decode();
}

/** @param {string} file */
async function firstBytes(file) {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** @param {Record<string, string>} signs hex digits @param {Buffer} bytes */
function kindOf(signs, bytes) {
  const beginning = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  return Object.entries(signs).find(([sign]) => beginning.startsWith(sign))?.[1];
}
