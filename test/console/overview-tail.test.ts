import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, LOOKS, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

describe.skipIf(!hasBrowser())('overview and live tail', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let receiver: Receiver;
  let merchantId: string;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser, receiver] = await Promise.all([
      testGateway(),
      openBrowser(),
      startReceiver(),
    ]);
    merchantId = (await gateway.merchant()).id;
    receiver.answer({ status: 503, body: 'later' }, '/down');
    await gateway.operator
      .post(`/v1/merchants/${merchantId}/endpoints`, {
        url: receiver.url('/down'),
        types: ['down'],
      })
      .expect(201);
  });
  afterEach(() => window?.close());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await receiver?.close();
  });

  async function notify(businessKey: string, more: object) {
    await gateway.operator
      .post('/v1/notifications', { merchantId, type: 'up', businessKey, payload: {}, ...more })
      .expect(202);
  }

  async function counted(attempts: number) {
    await until(async () => {
      const { body } = await gateway.operator.get('/v1/overview').expect(200);
      return body.attempts.count >= attempts;
    });
  }

  test('an overview of nothing offers the next step', async () => {
    window = await openWindow(browser, gateway.url);
    await window.open('/');
    await window.login(OPERATOR_KEY);
    await window.page.getByText('Nothing was sent in this period').waitFor();
    await window.page.getByRole('link', { name: 'Open the API documentation' }).waitFor();
    expect(await window.axe()).toEqual([]);
    expect(window.complaints).toEqual([]);
  });

  for (const [index, look] of LOOKS.entries()) {
    test(`the tail shows attempts as they end, and the overview counts them (${look.name})`, async () => {
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open('/tail');
      await window.login(OPERATOR_KEY);
      await page.getByText(/^(Live|实时)$/).waitFor();
      expect(await window.axe()).toEqual([]);
      const name = (what: string) => `${what}-${index}`;
      await notify(name('GOOD'), { notifyUrl: receiver.url('/up') });
      await notify(name('BAD'), { type: 'down' });
      const lines = page.getByRole('list', { name: /Attempts as they end|刚结束的尝试/ });
      await lines.getByText(name('GOOD')).waitFor();
      await lines
        .getByRole('listitem')
        .filter({ hasText: name('BAD') })
        .getByText(/503/)
        .waitFor();
      expect(await window.axe()).toEqual([]);

      await page.getByRole('button', { name: /^(Pause|暂停)$/ }).click();
      await notify(name('WAITS'), { notifyUrl: receiver.url('/up') });
      const goOn = page.getByRole('button', { name: /Go on \(\d+ waiting\)|继续（\d+ 条待显示）/ });
      await goOn.waitFor();
      expect(await lines.getByText(name('WAITS')).count()).toBe(0);
      await goOn.click();
      await lines.getByText(name('WAITS')).waitFor();

      await page.getByLabel(/^(Show|显示)$/).selectOption({ index: 1 });
      await page.waitForURL('**/tail?show=failures');
      await lines.waitFor({ state: 'detached' });
      await page.getByText(/^(Live|实时)$/).waitFor();
      await notify(name('FAILS'), { notifyUrl: receiver.url('/down') });
      await lines.getByText(name('FAILS')).waitFor();

      await counted(4 * (index + 1));
      await page.getByRole('link', { name: /^(Overview|总览)$/ }).click();
      await page.getByRole('img', { name: /attempts, of which|次尝试，其中/ }).waitFor();
      await page.getByText(receiver.url('/down')).waitFor();
      await page.getByText(/24 hours|24 小时/).click();
      await page.waitForURL(/window=24h$/);
      expect(await window.axe()).toEqual([]);
      await page.getByRole('link', { name: /Show its notifications|查看其通知/ }).click();
      await page.getByRole('link', { name: name('BAD') }).waitFor();
      expect(window.complaints).toEqual([]);
    });
  }
});
