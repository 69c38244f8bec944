import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

// Which tests belong together. What a file needs says whether it is a unit test, so nobody keeps a list of them.

/** Who imports one of these, or what imports them, needs PostgreSQL, Redis or a browser. */
const SERVERS =
  /^test\/support\/(backends|browser|database|embedded|gateway|pgbouncer|process|redis)\b/;
const BROWSER = /^test\/console\//;
/** What takes long to prove: kills, races, chaos, simulated days, benches. */
const PROOF =
  /^test\/(chaos\/|bench\/smoke|simulate\/(circuit|difference|world))|\/(\w+-)?(kill|races?)\.test\.ts$/;

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name));
const isUnit = (file: string) => !PROOF.test(file) && !needsServers(file);
const isBrowser = (file: string) => BROWSER.test(file) && !isUnit(file);

export const PROJECTS = {
  unit: files.filter(isUnit),
  browser: files.filter(isBrowser),
  proof: files.filter((file) => PROOF.test(file)),
  integration: files.filter((file) => !isUnit(file) && !isBrowser(file) && !PROOF.test(file)),
};

function needsServers(file: string, seen = new Set<string>()): boolean {
  if (SERVERS.test(file)) return true;
  if (seen.has(file) || file.startsWith('src/')) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  return (
    /\binject\(|spawn\(/.test(text) || importsOf(text, file).some((to) => needsServers(to, seen))
  );
}

function importsOf(text: string, file: string): string[] {
  const specifiers = text.matchAll(/^(?:import|export)(?! type)[^;]*? from '(\.[^']*\.ts)';/gm);
  return [...specifiers].map(([, to = '']) => normalize(join(dirname(file), to)));
}
