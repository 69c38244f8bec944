/** One guard taken out, and who has to notice. */
export interface Mutant {
  /** What is missing then. */
  name: string;
  file: string;
  /** Occurs in the file exactly once. */
  from: string;
  to: string;
  /** At least one test in these must fail. */
  tests: string[];
}

const CLAIM = 'prisma/migrations/0015_circuits/migration.sql';
const RECORD = 'src/engine/store/record.ts';
const ENGINE = 'src/engine/engine.ts';
const RUN = 'src/engine/run.ts';
const WORLD = 'test/simulate/world.test.ts';
const DIFFERENCE = 'test/simulate/difference.test.ts';

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: parts of files as they stand there */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the sweep: leases that ran out stay so',
    file: ENGINE,
    from: 'await recoverLostAttempts(store, steps)',
    to: '0',
    tests: [WORLD],
  },
  {
    name: 'the sweep: nothing expires',
    file: ENGINE,
    from: '      expireDeliveries(store).then(',
    to: '      Promise.resolve(0).then(',
    tests: [WORLD],
  },
  {
    name: 'the sweep: nobody looks for what is due',
    file: ENGINE,
    from: '      ...[...lanes.values()].map(({ lane, sparing }) => sparing(lane.look)),\n',
    to: '',
    tests: [WORLD],
  },
  {
    name: 'the lease check: a late result is taken',
    file: RECORD,
    from: ' AND d.lease_token IS NOT DISTINCT FROM e.token',
    to: '',
    tests: [DIFFERENCE],
  },
  {
    name: 'the due re-check: an early wake is a claim',
    file: CLAIM,
    from: 'd.due_at <= postrider_now() AND d.deadline_at > postrider_now() AS due',
    to: 'd.deadline_at > postrider_now() AS due',
    tests: [DIFFERENCE],
  },
  {
    name: 'the deadline in the claim',
    file: CLAIM,
    from: "WHEN p.deadline_at <= postrider_now() THEN 'expired'",
    to: "WHEN false THEN 'expired'",
    tests: [DIFFERENCE],
  },
  {
    name: 'the in-flight cap',
    file: CLAIM,
    from: 'END - s.leases[1] AS room,',
    to: 'END AS room,',
    tests: [DIFFERENCE],
  },
  {
    name: 'the pause: a held receiver is called',
    file: CLAIM,
    from: "WHEN p.held THEN 'held'",
    to: "WHEN false THEN 'held'",
    tests: [DIFFERENCE],
  },
  {
    name: 'the rate: starts are not kept apart',
    file: CLAIM,
    from: '(g.place - 1) * g.interval_ms AS start_in_ms',
    to: '0 * g.interval_ms AS start_in_ms',
    tests: [DIFFERENCE],
  },
  {
    name: 'the circuit never opens',
    file: RECORD,
    from: 'WHEN f.has_circuit AND r.failure_score + f.score >= ${CIRCUIT_OPENS_AT} THEN postrider_now()',
    to: 'WHEN false THEN postrider_now()',
    tests: [DIFFERENCE],
  },
  {
    name: 'the settle guard: an attempt under way overwrites an acknowledgement',
    file: RECORD,
    from: "status = CASE WHEN d.status <> 'sending' THEN d.status\n",
    to: 'status = CASE\n',
    tests: ['test/protocols/notification/ack.test.ts'],
  },
  {
    name: 'the states that may be settled from',
    file: 'src/engine/store/settle.ts',
    from: 'd.status = ANY (${from}) AND ${which}',
    to: '${which}',
    tests: ['test/protocols/notification/ack.test.ts'],
  },
  {
    name: 'a re-send of what is in flight',
    file: 'src/engine/store/resend.ts',
    from: "CASE WHEN d.lease_token IS NOT NULL THEN 'in_flight'",
    to: "CASE WHEN false THEN 'in_flight'",
    tests: [DIFFERENCE],
  },
  {
    name: 'the last look at the deadline before sending',
    file: RUN,
    from: 'if (startedAtMs >= delivery.deadlineMs) {',
    to: 'if (startedAtMs < 0) {',
    tests: ['test/engine/late.test.ts'],
  },
  {
    name: 'the last look at the lease before sending',
    file: RUN,
    from: 'if (steps.clock.now() >= lease.endsAt()) {',
    to: 'if (startedAtMs < 0) {',
    tests: ['test/engine/late.test.ts'],
  },
  {
    name: 'the wake for the next rung',
    file: RUN,
    from: 'if (recorded !== null && recorded.waitMs !== null) await steps.wake([wakeFor(recorded)]);',
    to: '',
    tests: ['test/flow/wakes.test.ts'],
  },
  {
    name: 'the wake after the commit of an acceptance',
    file: 'src/protocols/notification/accept.ts',
    from: '    void wake([...wakesOf(wanted, inserted), ...wakes]);\n',
    to: '',
    tests: ['test/flow/wakes.test.ts'],
  },
  {
    name: 'a lost attempt is decided when it is noticed',
    file: RUN,
    from: 'reading, delivery.leasedAtMs, 0)',
    to: 'reading, nowMs, 0)',
    tests: ['test/engine/lost.test.ts'],
  },
  {
    name: 'jitter shortens',
    file: 'src/engine/rules/ladder.ts',
    from: 'delayMs: delayMs + Math.max(0, Math.floor(jitterMs))',
    to: 'delayMs: delayMs - Math.max(0, Math.floor(jitterMs))',
    tests: ['test/engine/rules/ladder.test.ts'],
  },
  {
    name: 'the last call: a rung that no longer fits is lost',
    file: 'src/engine/rules/ladder.ts',
    from: 'if (delayMs >= leftMs) return lastCall(rules, rung, leftMs);',
    to: 'if (delayMs >= leftMs) return null;',
    tests: ['test/engine/rules/ladder.test.ts'],
  },
  {
    name: 'the reserve: jitter takes the time of attempts to come',
    file: 'src/engine/rules/ladder.ts',
    from: 'return usedMs + attemptsMs - timeoutMs;',
    to: 'return usedMs;',
    tests: ['test/engine/rules/ladder.test.ts'],
  },
  {
    name: 'the circuit: who has been held for long is held on',
    file: 'simulate/model/rows.ts',
    from: 'return nowMs >= due + (deadlineAt - due) / 8;',
    to: 'return false;',
    tests: ['test/simulate/circuit.test.ts'],
  },
  {
    name: 'the Retry-After clamp: a last attempt after the deadline',
    file: 'src/engine/rules/decide.ts',
    from: 'Math.min(retryAfterMs, longestDelayMs(leftMs))',
    to: 'retryAfterMs',
    tests: ['test/engine/rules/decide.test.ts'],
  },
  {
    name: 'the Retry-After clamp: a wait without end',
    file: 'src/engine/http/retry-after.ts',
    from: 'return Math.min(Math.max(ms, 0), LONGEST_MS);',
    to: 'return ms;',
    tests: ['test/engine/http/retry-after.test.ts'],
  },
  {
    name: 'the signature over the stored bytes',
    file: 'src/engine/http/sign.ts',
    from: '    hmac.update(body);',
    to: '    hmac.update(JSON.stringify(JSON.parse(String(body))));',
    tests: ['test/engine/http/send.test.ts'],
  },
  {
    name: 'the address guard',
    file: 'src/engine/http/target-rules.ts',
    from: 'return isPublicAddress(address) && isPublicConnection(to);',
    to: 'return true;',
    tests: ['test/engine/http/destination.test.ts'],
  },
  {
    name: 'the tenant filter of notifications',
    file: 'src/protocols/notification/store/find.ts',
    from: 'return allOf([\n    merchantId === null ? null : Prisma.sql`n.merchant_id = ${merchantId}`,',
    to: 'return allOf([\n    merchantId === null ? null : Prisma.sql`true`,',
    tests: ['test/trust/tenants.test.ts'],
  },
  {
    name: 'the tenant filter of deliveries',
    file: 'src/protocols/notification/store/deliveries.ts',
    from: 'return allOf([\n    merchantId === null ? null : Prisma.sql`d.merchant_id = ${merchantId}`,',
    to: 'return allOf([\n    merchantId === null ? null : Prisma.sql`true`,',
    tests: ['test/trust/tenants.test.ts'],
  },
  {
    name: 'the supersession guard: lower versions go on',
    file: 'src/protocols/notification/supersede.ts',
    from: 'WHERE n.result_version < newcomer.v',
    to: 'WHERE false',
    tests: ['test/protocols/notification/supersede.test.ts'],
  },
  {
    name: 'the fingerprint of an Idempotency-Key',
    file: 'src/http/idempotency/store.ts',
    from: "    if (row.fingerprint !== claim.fingerprint) return { kind: 'other_request' };\n",
    to: '',
    tests: ['test/http/idempotency/idempotency.test.ts'],
  },
];
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: only there */
