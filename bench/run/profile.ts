import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';

/** The part of V8's format that is needed here. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const MOST = 25;

/**
 * Writes `functions.txt` beside the CPU profiles of a folder: where each gateway spent its own time,
 * the time it waited left out.
 */
export async function writeTopFunctions(folder: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const texts = await Promise.all(
    files.toSorted().map(async (file) => {
      const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
      return `${file}\n${topFunctions(profile).join('\n')}\n`;
    }),
  );
  await writeFile(join(folder, 'functions.txt'), texts.join('\n'));
}

/** Lines such as `  4.2 %  812 ms  encode  pg-protocol/dist/serializer.js:31`, the dearest first. */
export function topFunctions({ nodes, samples, timeDeltas }: CpuProfile): string[] {
  const nameById = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'}  ${placeOf(url)}${url === '' ? '' : `:${lineNumber + 1}`}`,
    ]),
  );
  const microseconds = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = nameById.get(id) ?? '';
    microseconds.set(name, (microseconds.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const own = [...microseconds].filter(([name]) => !/^\((idle|program|root)\)/.test(name));
  const total = own.reduce((sum, [, each]) => sum + each, 0);
  return own
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, MOST)
    .map(([name, each]) => {
      const share = ((each / total) * 100).toFixed(1).padStart(5);
      return `${share} %  ${Math.round(each / 1000)} ms  ${name}`;
    });
}

function placeOf(url: string): string {
  const afterModules = url.lastIndexOf('node_modules/');
  if (afterModules >= 0) return url.slice(afterModules + 'node_modules/'.length);
  const afterDist = url.lastIndexOf('/dist/');
  return afterDist >= 0 ? url.slice(afterDist + 1) : url;
}

interface StatementRow {
  toplevel: boolean;
  ms: number;
  planMs: number;
  calls: number;
  rows: number;
  query: string;
}

/**
 * Writes `statements.txt`: where PostgreSQL spent its time in these databases, the dearest first;
 * what ran inside of functions is listed apart, because it is part of what called it.
 */
export async function writeTopStatements(
  folder: string,
  client: pg.Client,
  databases: readonly string[],
): Promise<void> {
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  const { rows } = await client.query<StatementRow>(
    `SELECT s.toplevel, s.query, sum(total_exec_time + total_plan_time) AS ms,
            sum(total_plan_time) AS "planMs",
            sum(calls)::float8 AS calls, sum(rows)::float8 AS rows
       FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid
      WHERE d.datname = ANY ($1) GROUP BY s.toplevel, s.query ORDER BY ms DESC`,
    [databases],
  );
  const total = rows.reduce((sum, { toplevel, ms }) => sum + (toplevel ? ms : 0), 0);
  const write = ({ ms, planMs, calls, rows: count, query }: StatementRow) =>
    `${((ms / total) * 100).toFixed(1).padStart(5)} %  ${Math.round(ms)} ms  ` +
    `${calls} × ${(ms / calls).toFixed(3)} ms (${(planMs / calls).toFixed(3)} planning), ${count} rows  ${query.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
  const text = [true, false]
    .map((toplevel) =>
      rows
        .filter((row) => row.toplevel === toplevel)
        .slice(0, MOST)
        .map(write)
        .join('\n'),
    )
    .join('\n\nInside of functions:\n');
  await writeFile(join(folder, 'statements.txt'), `${text}\n`);
}
