import { createHmac } from 'node:crypto';

/** The role that the gateway works as: the owner of its database and of all in it, and nothing more. */
export const GATEWAY_ROLE = 'postrider_gateway';

/**
 * The role's password follows from the superuser's, so that a backup holds both and there is one file to lose.
 *
 * @param superuser the cluster's password
 */
export function gatewayPassword(superuser: string): string {
  return createHmac('sha256', superuser).update(GATEWAY_ROLE).digest('base64url');
}

/**
 * Makes the role if need be, and gives it what it has to own. A database from before there was such a role belongs to
 * the superuser with everything in it: each object is handed over, because REASSIGN OWNED refuses to take anything
 * from the superuser that made the cluster.
 *
 * Run in the gateway's database, by the superuser. Writes nothing once it has been done: a disk that is full must not
 * keep the gateway from starting.
 *
 * @param password of base64url's characters, which need no quoting
 */
export function roleStatement(password: string): string {
  return `
DO $do$
DECLARE
  statement text;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '${GATEWAY_ROLE}') THEN
    CREATE ROLE ${GATEWAY_ROLE} LOGIN PASSWORD '${password}';
  END IF;
  FOR statement IN
    SELECT format('ALTER DATABASE %I OWNER TO ${GATEWAY_ROLE}', datname) FROM pg_database
     WHERE datname = current_database() AND datdba <> '${GATEWAY_ROLE}'::regrole
    UNION ALL
    SELECT format('ALTER %s %s OWNER TO ${GATEWAY_ROLE}',
             CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
             c.oid::regclass)
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relowner <> '${GATEWAY_ROLE}'::regrole
       AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
       -- A column's own sequence goes with its table, and cannot go alone.
       AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                         AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO ${GATEWAY_ROLE}', p.oid::regprocedure) FROM pg_proc AS p
     WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> '${GATEWAY_ROLE}'::regrole
       AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                         AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO ${GATEWAY_ROLE}', t.oid::regtype) FROM pg_type AS t
     WHERE t.typnamespace = 'public'::regnamespace AND t.typowner <> '${GATEWAY_ROLE}'::regrole AND t.typtype IN ('e', 'd')
  LOOP
    EXECUTE statement;
  END LOOP;
END $do$`;
}

/** @param password of base64url's characters */
export function passwordStatement(password: string): string {
  return `ALTER ROLE ${GATEWAY_ROLE} PASSWORD '${password}'`;
}
