import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, LOOKS, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';

describe.skipIf(!hasBrowser())('the list of notifications', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let other: Awaited<ReturnType<TestGateway['merchant']>>;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway(), openBrowser()]);
    [merchant, other] = await Promise.all([gateway.merchant(), gateway.merchant()]);
    await notify(Array.from({ length: 30 }, (_, n) => ({ businessKey: `ORDER-${n}` })));
    await notify([{ businessKey: 'THEIRS', merchantId: other.id }]);
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([gateway?.close(), browser?.close()]));

  async function notify(items: object[]): Promise<{ id: string }[]> {
    const notifications = items.map((item) => ({
      merchantId: merchant.id,
      type: 'payment.succeeded',
      payload: {},
      ...item,
    }));
    const { body } = await gateway.operator
      .post('/v1/notifications/batch', { notifications })
      .expect(202);
    return body.data.map(({ notification }: { notification: { id: string } }) => notification);
  }

  for (const look of LOOKS) {
    test(`is searched, filtered and paged, and the address says how (${look.name})`, async () => {
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open('/notifications');
      await window.login(OPERATOR_KEY);
      const rows = page.getByRole('row');
      await rows.nth(25).waitFor();
      expect(await rows.count()).toBe(1 + 25);
      expect(await window.axe()).toEqual([]);
      await page.getByRole('button', { name: /Show more|显示更多/ }).click();
      // Twenty-five, six more, and the head.
      await rows.nth(31).waitFor();
      await page.getByText('THEIRS', { exact: true }).waitFor();

      await page.keyboard.press('/');
      await page.keyboard.type('ORDER-17');
      await page.waitForURL('**/notifications?q=ORDER-17');
      await page.getByText('THEIRS', { exact: true }).waitFor({ state: 'detached' });
      expect(await rows.count()).toBe(2);
      await page.getByText(/^(failed|失败)$/).click();
      await page.getByText(/Nothing matches|没有匹配/).waitFor();
      expect(await window.axe()).toEqual([]);
      await page.reload();
      expect(await page.getByRole('searchbox').inputValue()).toBe('ORDER-17');
      await page.getByRole('button', { name: /Clear search|清除搜索和筛选/ }).click();
      await page.getByRole('link', { name: 'THEIRS' }).click();
      await page.getByRole('heading', { level: 1 }).getByText('THEIRS').waitFor();
      expect(window.complaints).toEqual([]);
    });
  }

  test('what comes while one reads is counted, and moves nothing until asked for', async () => {
    window = await openWindow(browser, gateway.url);
    const { page } = window;
    await window.open('/notifications?type=refund.succeeded');
    await window.login(OPERATOR_KEY);
    await page.getByText('Nothing matches').waitFor();
    const [first] = await notify([{ businessKey: 'FIRST', type: 'refund.succeeded' }]);
    await page.getByText('FIRST', { exact: true }).waitFor();
    await notify([{ businessKey: 'SECOND', type: 'refund.succeeded' }]);
    const button = page.getByRole('button', { name: '1 new: show it' });
    await button.waitFor();
    expect(await page.getByRole('table').innerText()).not.toContain('SECOND');

    // The rows that are shown stay alive meanwhile.
    await page.getByRole('table').getByText('skipped').waitFor();
    await merchant.api.post(`/v1/notifications/${first?.id}/ack`, {}).expect(200);
    await page.getByRole('table').getByText('acknowledged').waitFor();
    await button.click();
    await page.getByText('SECOND', { exact: true }).waitFor();
    await page.getByText('Up to date').waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('the keyboard goes everywhere', async () => {
    window = await openWindow(browser, gateway.url);
    const { page } = window;
    await window.open('/');
    await window.login(OPERATOR_KEY);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.waitForURL('**/console/notifications');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    expect(await window.axe()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.waitForURL('**/console/tail');
    await page.getByRole('heading', { level: 1, name: 'Live tail' }).waitFor();
    await page.keyboard.press('/');
    await page.waitForURL('**/console/notifications');
    expect(window.complaints).toEqual([]);
  });
});
