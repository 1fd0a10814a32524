// Imported first by every script: on an older Node the rest would fail with less helpful words.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `Tallystone needs Node 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org/en/download\n`,
  );
  process.exit(1);
}
