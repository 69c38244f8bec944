import { Problem } from '../../api/problem.ts';

export const FORMATS = ['application/json', 'text/csv', 'application/x-ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * The format that an `Accept` header likes best. Each format has the weight of the most specific range
 * that covers it; between equals the first of the list above wins, as it does without a header.
 *
 * @throws Problem 406 where it takes none of them
 */
export function formatFor(accept: string | undefined): Format {
  const ranges = (accept ?? '*/*').toLowerCase().split(',').map(parseRange);
  let best: { format: Format; weight: number } | null = null;
  for (const format of FORMATS) {
    const [major] = format.split('/');
    const weight = [format, `${major}/*`, '*/*']
      .map((name) => ranges.find((range) => range.name === name)?.weight)
      .find((each) => each !== undefined);
    if (weight !== undefined && weight > (best?.weight ?? 0)) best = { format, weight };
  }
  if (best !== null) return best.format;
  throw new Problem(406, 'not_acceptable', `This is offered as ${FORMATS.join(', ')}.`);
}

function parseRange(text: string): { name: string; weight: number } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = q === undefined ? 1 : Number(q.slice(2));
  return { name, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}
