import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The names that config/ asks the environment for. */
function namesInCode(): string[] {
  const folder = join(process.cwd(), 'src', 'config');
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  const text = sources.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  const asked = text.matchAll(/(?:reader\.\w+\(|readSecretRing\(reader, |const name = )'([A-Z][A-Z0-9_]+)'/g);
  return [...new Set([...asked].map((match) => match[1]!))].sort();
}

test('.env.example explains every variable that is read, and no other', () => {
  const example = readFileSync(join(process.cwd(), '.env.example'), 'utf8');
  const explained = [...example.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]!);
  expect([...explained].sort()).toEqual(namesInCode());
  expect(namesInCode().length).toBeGreaterThan(30);
});
