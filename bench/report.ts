import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceSection, sectionOf } from './report/markdown.ts';
import { picturesOf } from './report/pictures.ts';
import type { Results } from './run/figures.ts';
import { LATEST } from './run/options.ts';

// Writes what `npm run bench` measured into docs/benchmarks.md and docs/images.
//
//   npm run bench:report -- [--from bench/results/latest.json] [--grown …json] [--to docs/benchmarks.md]
//
// `--grown`: a run with several `--rows`, whose tables take a while to fill.

const IMAGES = 'docs/images';
const { values } = parseArgs({
  options: {
    from: { type: 'string', default: LATEST },
    grown: { type: 'string' },
    to: { type: 'string', default: 'docs/benchmarks.md' },
  },
});
const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Results;
const results = await read(values.from);
const grown = values.grown === undefined ? null : await read(values.grown);
const pictures = picturesOf(results);
await mkdir(IMAGES, { recursive: true });
for (const [name, { svg }] of pictures) await writeFile(join(IMAGES, name), svg);
const titles = new Map([...pictures].map(([name, { title }]) => [`images/${name}`, title]));
const page = await readFile(values.to, 'utf8');
await writeFile(values.to, replaceSection(page, sectionOf(results, titles, grown)));
console.log([values.to, ...[...pictures.keys()].map((name) => join(IMAGES, name))].join('\n'));
