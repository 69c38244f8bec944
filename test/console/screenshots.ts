import { mkdirSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { utcDate } from '../features/reconciliations/books.ts';
import { type Look, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { playADay } from './day.ts';
import { playAnHour, type Scene } from './scene.ts';

const FOLDER = 'docs/images';

const SHOTS: {
  name: string;
  path(scene: Scene): string;
  /** What must be seen before the picture is taken. */
  ready(window: Window): Promise<unknown>;
}[] = [
  {
    name: 'overview',
    path: () => '/',
    ready: ({ page }) => page.locator('.uplot').first().waitFor(),
  },
  {
    name: 'detail',
    path: ({ struggling }) => `/notifications/${struggling.id}`,
    ready: ({ page }) => page.locator('[data-rung=next]').waitFor(),
  },
  {
    name: 'notifications',
    path: () => '/notifications',
    ready: ({ page }) => page.getByRole('table').waitFor(),
  },
  {
    name: 'ladder',
    path: () => '/queues/payments',
    ready: ({ page }) => page.locator('main time').first().waitFor(),
  },
  {
    name: 'reconciliation',
    path: () => `/reconciliations/${reconciliationId}`,
    ready: ({ page }) => page.getByRole('table').getByText('REFUNDED').waitFor(),
  },
];

const PICTURES: Record<string, Look> = {
  light: { language: 'en', scheme: 'light' },
  dark: { language: 'en', scheme: 'dark' },
};

let gateway: TestGateway;
let browser: Browser;
let receiver: Receiver;
let scene: Scene;
let reconciliationId: string;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  [gateway, browser] = await Promise.all([testGateway({ sweepEveryMs: 200 }), openBrowser()]);
  receiver = await startReceiver();
  // Before the hour: what is of two days ago is then not the newest in the lists.
  reconciliationId = await reconcile();
  scene = await playAnHour(gateway, 45);
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([scene?.close(), receiver?.close()]);
  await gateway?.close();
});

/** A day that is compared, with one of its differences settled. */
async function reconcile(): Promise<string> {
  const day = { date: utcDate(-2), id: 'm_harbour-cinema', agreed: 22 };
  const { merchant, csv } = await playADay(gateway, receiver, day);
  const { body } = await merchant.api
    .post(`/v1/reconciliations?date=${day.date}`, csv, { 'content-type': 'text/csv' })
    .expect(202);
  const path = `/v1/reconciliations/${body.id}`;
  await until(async () => (await merchant.api.get(path)).body.status === 'completed');
  await merchant.api
    .post(`${path}/differences/1/handle`, {
      action: 'accept_ours',
      reason: 'a typing error of theirs',
    })
    .expect(200);
  return body.id;
}

for (const [suffix, look] of Object.entries(PICTURES)) {
  test(suffix, async () => {
    const window = await openWindow(browser, gateway.url, { height: 800, ...look });
    await window.open('/');
    await window.login(OPERATOR_KEY);
    for (const { name, path, ready } of SHOTS) {
      await window.open(path(scene));
      await ready(window);
      await window.page.mouse.move(0, 0);
      await window.page.screenshot({ path: `${FOLDER}/${name}-${suffix}.png` });
    }
    await window.close();
  });
}
