/** What it is compared with: test/platform/db/structure.test.ts. */
export const STRUCTURE = 'prisma/structure.sql';

const HEAD = `-- The database as it stands after all migrations. Written by \`npm run structure\`, never by hand; a test compares
-- the two. For reading: what is applied are the migrations.
`;

interface Client {
  query(sql: string): Promise<{ rows: { text: string }[] }>;
}

const OURS = `n.nspname = current_schema() AND c.relname NOT LIKE '\\_prisma%'`;

const TABLES = `
  SELECT 'CREATE TABLE ' || c.relname || E' (\\n' || string_agg(line, E',\\n' ORDER BY place) || E'\\n);' AS text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   CROSS JOIN LATERAL (
     SELECT a.attnum::int AS place, '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE "' || l.collname || '"' ELSE '' END
            || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
            || CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY'
                    WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END AS line
       FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
       LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
       LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     UNION ALL
     SELECT 10000 + row_number() OVER (ORDER BY k.contype DESC, k.conname)::int,
            '  CONSTRAINT ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
       FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype <> 'n') AS lines
   WHERE ${OURS} AND c.relkind = 'r' GROUP BY c.oid, c.relname ORDER BY c.relname`;

const INDEXES = `
  SELECT pg_get_indexdef(i.indexrelid) || ';' AS text
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_class AS x ON x.oid = i.indexrelid
   WHERE ${OURS} AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
   ORDER BY c.relname, x.relname`;

const SEQUENCES = `
  SELECT 'CREATE SEQUENCE ' || c.relname || ';' AS text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE ${OURS} AND c.relkind = 'S'
     AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
   ORDER BY c.relname`;

const VIEWS = `
  SELECT 'CREATE VIEW ' || c.relname || E' AS\\n' || pg_get_viewdef(c.oid) AS text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE ${OURS} AND c.relkind = 'v' ORDER BY c.relname`;

const FUNCTIONS = `
  SELECT rtrim(pg_get_functiondef(p.oid)) || ';' AS text
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
   WHERE n.nspname = current_schema() AND p.prokind = 'f'
     AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
   ORDER BY p.proname, pg_get_function_identity_arguments(p.oid)`;

const TRIGGERS = `
  SELECT pg_get_triggerdef(t.oid) || ';' AS text
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE ${OURS} AND NOT t.tgisinternal ORDER BY c.relname, t.tgname`;

const PARTS: readonly (readonly [string, string])[] = [
  ['Tables', TABLES],
  ['Sequences', SEQUENCES],
  ['Indexes beside those of constraints', INDEXES],
  ['Views', VIEWS],
  ['Functions', FUNCTIONS],
  ['Triggers', TRIGGERS],
];

/** @returns the structure of the schema that this connection is in, as SQL, in an order that does not change */
export async function structureOf(client: Client): Promise<string> {
  const parts = [HEAD];
  for (const [title, sql] of PARTS) {
    const { rows } = await client.query(sql);
    const separator = title.startsWith('Tables') || title.startsWith('Functions') ? '\n\n' : '\n';
    parts.push(`-- ${title}\n\n${rows.map(({ text }) => text.trim()).join(separator)}\n`);
  }
  return parts.join('\n').replaceAll('public.', '');
}
