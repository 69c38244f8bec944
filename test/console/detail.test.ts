import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  hasBrowser,
  LOOKS,
  type Look,
  openBrowser,
  openWindow,
  type Window,
} from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const MARKUP =
  '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

describe.skipIf(!hasBrowser())('the screen of a notification', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let receiver: Receiver;
  let merchant: { id: string; key: string };
  let window: Window;

  beforeAll(async () => {
    [gateway, browser, receiver] = await Promise.all([
      testGateway(),
      openBrowser(),
      startReceiver(),
    ]);
    merchant = await gateway.merchant();
    await gateway.operator
      .put('/v1/queues/slow', {
        ladderSeconds: [0, 600, 1200, 3600],
        deadlineSeconds: 86_400,
        jitter: 0,
      })
      .expect(200);
  });
  afterEach(() => window?.close());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await receiver?.close();
  });

  async function notify(more: object = {}) {
    const { body } = await gateway.operator
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'payment.succeeded',
        businessKey: 'ORDER-7',
        payload: { big: 1, text: MARKUP },
        queue: 'slow',
        notifyUrl: receiver.url('/hook'),
        ...more,
      })
      .expect(202);
    return body as { id: string; deliveries: { id: string }[] };
  }

  /** Waits for the first attempt to be in the books. */
  async function tried(id: string, status: string) {
    await until(async () => {
      const { body } = await gateway.operator.get(`/v1/notifications/${id}`).expect(200);
      return body.status === status && body.deliveries[0].attemptCount > 0;
    });
  }

  async function open(path: string, look: Look, key = OPERATOR_KEY) {
    window = await openWindow(browser, gateway.url, look);
    await window.open(path);
    await window.login(key);
    return window;
  }

  async function giveReason(text: string) {
    const dialog = window.page.getByRole('dialog');
    await dialog.getByRole('textbox').fill(text);
    await dialog.getByRole('button').last().click();
    await dialog.waitFor({ state: 'hidden' });
  }

  for (const look of LOOKS) {
    test(`shows what was tried and what is to come; tries now, cancels, re-sends (${look.name})`, async () => {
      receiver.answer({ status: 500, body: 'our database is down' });
      const sent = await notify();
      await tried(sent.id, 'pending');
      const { page, axe, complaints } = await open(`/notifications/${sent.id}`, look);
      const timeline = page.getByRole('list', { name: /Attempts|尝试记录/ });
      await timeline.getByText('our database is down').waitFor();
      const standing = page.getByRole('region', { name: /Where it stands|当前进展/ });
      await standing.getByText(/Next attempt in 9 min|下一次尝试： ?9 分 .*后/).waitFor();
      await standing.getByText(/rung 2 of 4|第 2 级，共 4 级/).waitFor();
      await timeline.getByText(/in 9 min|9 分 .*后/).waitFor();
      await timeline.getByText(/rung 2 of 4|第 2 级，共 4 级/).waitFor();
      await timeline.getByRole('button', { name: /Show all|显示全部/ }).click();
      await timeline.getByText(/rung 4 of 4|第 4 级，共 4 级/).waitFor();
      expect(await axe()).toEqual([]);

      await page.getByRole('button', { name: /Try now|立即尝试/ }).click();
      expect(await axe()).toEqual([]);
      await giveReason('their database is back');
      await timeline.getByText(/Attempt 2|第 2 次尝试/).waitFor();
      await timeline.getByText(/rung 2 of 4|第 2 级，共 4 级/).waitFor();

      await page.getByRole('button', { name: /^(Cancel|取消)$/ }).click();
      await giveReason('the shop asked for it');
      await standing.getByText(/cancelled by hand|人工取消/).waitFor();

      receiver.answer({ status: 200, body: 'thank you' });
      await page.getByRole('button', { name: /Re-send|重发/ }).click();
      await giveReason('they want it after all');
      await timeline.getByText(/Cycle 2|第 2 轮/).waitFor();
      await timeline.getByText('thank you').waitFor();
      await standing.getByText(/Delivered · after 1 attempt|已送达 · 共 1 次尝试/).waitFor();
      expect(complaints).toEqual([]);

      const { body } = await gateway.operator.get('/v1/audit-log?limit=3').expect(200);
      expect(body.data.map(({ reason }: { reason: string }) => reason)).toEqual([
        'they want it after all',
        'the shop asked for it',
        'their database is back',
      ]);
    });
  }

  test('markup from outside is text, wherever it stands', async () => {
    receiver.answer({ status: 502, body: MARKUP });
    const sent = await notify({
      businessKey: MARKUP.slice(0, 128),
      eventId: `<b>${MARKUP.slice(0, 100)}`,
      result: { status: '<i>PAID</i>' },
      notifyUrl: receiver.url('/hook?q=%3Cscript%3E<script>alert(1)</script>'),
    });
    await tried(sent.id, 'pending');
    const { page, complaints } = await open(`/notifications/${sent.id}`, {});
    await page.getByRole('list').getByText(MARKUP, { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Payload' }).getByText('onerror').waitFor();
    const title = await page.title();
    expect(title).toContain('<img src=x');
    expect(await page.locator('main img, main script, main i, main b').count()).toBe(0);
    await page.goto('/console/notifications');
    await page.getByText('<img src=x').first().waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('curl and ids go into the clipboard as they are, quotes and all', async () => {
    receiver.answer(200);
    const sent = await notify({ payload: { note: "it's" } });
    await tried(sent.id, 'delivered');
    const { page, context, complaints } = await open(`/notifications/${sent.id}`, {});
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const clipboard = () => page.evaluate('navigator.clipboard.readText()');
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await until(async () => String(await clipboard()).startsWith('curl -X POST'));
    const curl = String(await clipboard());
    expect(curl).toContain(`-H 'webhook-id: ${sent.id}'`);
    expect(curl).toContain(`"note":"it'\\''s"`);
    await page.getByRole('button', { name: `Copy ${sent.id}` }).click();
    await until(async () => (await clipboard()) === sent.id);
    expect(complaints).toEqual([]);
  });
});
