import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaceSection, sectionOf } from './report/markdown.ts';
import { picturesOf } from './report/pictures.ts';
import type { Results } from './run/figures.ts';
import { LATEST } from './run/options.ts';

// Writes what `npm run bench` measured into the README and docs/images.
//
//   npm run bench:report -- [--from bench/results/latest.json] [--readme README.md]

const IMAGES = 'docs/images';
const { values } = parseArgs({
  options: {
    from: { type: 'string', default: LATEST },
    readme: { type: 'string', default: 'README.md' },
  },
});
const results = JSON.parse(await readFile(values.from, 'utf8')) as Results;
const pictures = picturesOf(results);
await mkdir(IMAGES, { recursive: true });
for (const [name, { svg }] of pictures) await writeFile(join(IMAGES, name), svg);
const titles = new Map([...pictures].map(([name, { title }]) => [`${IMAGES}/${name}`, title]));
const readme = await readFile(values.readme, 'utf8');
await writeFile(values.readme, replaceSection(readme, sectionOf(results, titles)));
console.log(`${values.readme}\n${[...titles.keys()].join('\n')}`);
