import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../../src/features/metrics/metrics.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const TOKEN = 'a-token-for-prometheus';

let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;

const scrape = async (key = TOKEN) => (await gateway.as(key).get('/metrics').expect(200)).text;

/** The value of a line, by its name and some of its labels; undefined: there is none. */
function sample(text: string, name: string, labels: Record<string, string> = {}) {
  const line = text.split('\n').find((each) => {
    const isIt = each.startsWith(`${name}{`) || each.startsWith(`${name} `);
    return (
      isIt && Object.entries(labels).every(([label, value]) => each.includes(`${label}="${value}"`))
    );
  });
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

beforeAll(async () => {
  gateway = await testGateway({ metricsToken: TOKEN });
  receiver = await startReceiver();
  receiver.answer(500, '/broken');
  merchant = await gateway.merchant();
  await gateway.operator.put('/v1/queues/once', { ladderSeconds: [0] }).expect(200);
  await gateway.operator.put('/v1/queues/late', { ladderSeconds: [3600] }).expect(200);
  for (const [path, types] of [
    ['/good', ['good']],
    ['/broken', ['bad']],
  ] as const) {
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(path), types })
      .expect(201);
  }
  const event = { merchantId: merchant.id, businessKey: 'K', payload: {} };
  for (const [type, queue] of [
    ['good', 'once'],
    ['bad', 'once'],
    ['good', 'late'],
  ] as const) {
    await gateway.operator.post('/v1/notifications', { ...event, type, queue }).expect(202);
  }
  await until(async () => {
    const text = await scrape();
    return (
      sample(text, 'postrider_attempts_total', { queue: 'once', outcome: 'http_status' }) === 1
    );
  });
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

test('tell what has happened', async () => {
  // Looks at the backlog are kept for a while.
  const text = await until(async () => {
    const seen = await scrape();
    return (
      sample(seen, 'postrider_backlog_deliveries', { queue: 'late', state: 'later' }) === 1 && seen
    );
  });
  const attempts = (outcome: string) =>
    sample(text, 'postrider_attempts_total', { queue: 'once', outcome });
  expect([attempts('success'), attempts('http_status')]).toEqual([1, 1]);
  const once = { queue: 'once' };
  expect(sample(text, 'postrider_attempt_duration_seconds_count', once)).toBe(2);
  expect(sample(text, 'postrider_attempt_lateness_seconds_count', once)).toBe(2);
  expect(sample(text, 'postrider_attempt_lateness_seconds_sum', once)).toBeLessThan(10);
  expect(sample(text, 'postrider_intake_total', { answer: 'accepted' })).toBe(3);
  expect(sample(text, 'postrider_intake_duration_seconds_count')).toBe(3);
  expect(sample(text, 'postrider_database_up')).toBe(1);
  expect(sample(text, 'postrider_pg_pool_connections', { state: 'idle' })).toBeGreaterThan(0);
  expect(sample(text, 'postrider_wakes_given_up_total')).toBe(0);
  const route = { route: '/v1/notifications', method: 'POST', status_class: '2xx' };
  expect(sample(text, 'postrider_http_request_duration_seconds_count', route)).toBe(3);
});

test('show paused receivers, refused offers, and nothing of an invented path', async () => {
  const { body } = await merchant.api.get(`/v1/merchants/${merchant.id}/endpoints`).expect(200);
  await merchant.api.post(`/v1/endpoints/${body.data[0].id}/pause`).expect(200);
  await gateway.operator.get('/v1/invented/by/somebody').expect(404);
  const nobody = { merchantId: 'nobody', type: 'a', businessKey: 'K', payload: {} };
  await gateway.operator.post('/v1/notifications', nobody).expect(422);
  const text = await scrape();
  expect(sample(text, 'postrider_receivers', { state: 'paused' })).toBe(1);
  expect(sample(text, 'postrider_intake_total', { answer: 'refused' })).toBe(1);
  expect(text).not.toContain('invented');
  expect(sample(text, 'postrider_http_request_duration_seconds_count', { route: 'none' })).toBe(1);
});

test('are for the token and for operators', async () => {
  expect(await scrape('operator-key-of-the-test-suite')).toContain('postrider_build_info');
  const answer = await gateway.as(TOKEN).get('/metrics').expect(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  await gateway.as(merchant.key).get('/metrics').expect(403);
  await gateway.as('letmein').get('/metrics').expect(401);
  // The token opens nothing else.
  await gateway.as(TOKEN).get('/v1/queues').expect(401);
});

describe('the files in ops', () => {
  /** Metrics and their labels as a running gateway shows them. */
  async function shown(): Promise<Map<string, Set<string>>> {
    const metrics = new Map<string, Set<string>>();
    for (const line of (await scrape()).split('\n')) {
      const [, declared] = /^# TYPE (\S+)/.exec(line) ?? [];
      if (declared !== undefined) metrics.set(declared, new Set());
      const [, name = '', labels = ''] = /^([a-z]\w*)(?:\{(.*)\})? /.exec(line) ?? [];
      if (name === '') continue;
      const known = metrics.get(name) ?? new Set();
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
      metrics.set(name, known);
    }
    return metrics;
  }
  /** What an expression names: metrics, each with the labels in its braces and around it. */
  function named(expression: string) {
    const texts = expression.replaceAll(/"[^"]*"/g, '""');
    const metrics = [...texts.matchAll(/\b((?:postrider|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)];
    const around = [...texts.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(','),
    );
    const inside = (braces = '') => [...braces.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label);
    return {
      metrics: metrics.map(([, name = '', braces]) => ({ name, labels: inside(braces) })),
      around: around.map((label) => label.trim()),
    };
  }
  // Added by Prometheus.
  const TARGET_LABELS = ['instance', 'job'];

  interface Rule {
    alert: string;
    expr: string;
    labels: { severity: string };
    annotations: { summary: string };
  }
  const rules = (
    parse(readFileSync('ops/prometheus/rules.yml', 'utf8')) as { groups: { rules: Rule[] }[] }
  ).groups.flatMap((group) => group.rules);
  const dashboard = JSON.parse(readFileSync('ops/grafana/postrider.json', 'utf8'));
  const targets: { expr: string }[] = dashboard.panels.flatMap(
    ({ targets }: { targets: { expr: string }[] }) => targets,
  );

  test('name metrics and labels that a gateway has', async () => {
    // Something must have been counted for its labels to be there.
    const { body } = await gateway.operator.get('/v1/queues').expect(200);
    expect(body.data.length).toBeGreaterThan(0);
    const has = await shown();
    has.get('postrider_alerts_total')?.add('type');
    const wrong: string[] = [];
    const expressions = [...rules, ...targets].map(({ expr }) => expr);
    expect(expressions.length).toBeGreaterThan(30);
    for (const expression of expressions) {
      const { metrics, around } = named(expression);
      if (metrics.length === 0) wrong.push(`${expression}: names nothing of ours`);
      const all = new Set(TARGET_LABELS);
      for (const { name, labels } of metrics) {
        const known = has.get(name);
        if (known === undefined) wrong.push(`${expression}: no metric ${name}`);
        for (const label of known ?? []) all.add(label);
        for (const label of labels) {
          const isKnown = known?.has(label ?? '') || TARGET_LABELS.includes(label ?? '');
          if (!isKnown) wrong.push(`${expression}: ${name} has no label ${label}`);
        }
      }
      for (const label of around) if (!all.has(label)) wrong.push(`${expression}: by ${label}`);
    }
    expect(wrong).toEqual([]);
  });

  test('show all that a gateway measures', async () => {
    const used = new Set(
      [...rules, ...targets].flatMap(({ expr }) => named(expr).metrics.map(({ name }) => name)),
    );
    const families = [...(await shown()).keys()].filter(
      (name) => name.startsWith('postrider_') && !/_(bucket|sum|count)$/.test(name),
    );
    const unused = families.filter(
      (name) => ![name, `${name}_bucket`, `${name}_count`].some((each) => used.has(each)),
    );
    expect(unused).toEqual([]);
  });

  test('say what to do at each alert', () => {
    const page = readFileSync('docs/operations.md', 'utf8');
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(page).toContain(`### ${alert}`);
      expect(['page', 'warn']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
    }
    const described = [...page.matchAll(/^### (Postrider\w+)/gm)].map(([, alert]) => alert);
    expect(described.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});

test('labels are bounded: queues beyond two hundred are one', () => {
  const metrics = createMetrics();
  const labels = new Set(Array.from({ length: 500 }, (_none, i) => metrics.queueLabel(`q${i}`)));
  expect(labels.size).toBe(201);
  expect(metrics.queueLabel('q0')).toBe('q0');
});

test('a worker without an API shows its own attempts on a port of its own', async () => {
  const lines: string[] = [];
  const worker = await testGateway({
    roles: ['worker'],
    db: gateway.db,
    metricsToken: TOKEN,
    metricsPort: 0,
    onLog: (line) => lines.push(line),
  });
  try {
    const said = lines.find((line) => line.includes('metrics of this worker')) ?? '{}';
    const { url } = JSON.parse(said) as { url: string };
    const headers = { authorization: `Bearer ${TOKEN}` };
    const metrics = await fetch(`${url}/metrics`, { headers });
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain('postrider_attempts_total');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/v1/queues`)).status).toBe(404);
  } finally {
    await worker.close();
  }
});
