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

  test('a row leads to its notification wherever one clicks, and its text can be marked', async () => {
    window = await openWindow(browser, gateway.url);
    const { page, context } = window;
    await window.open('/notifications?q=ORDER-21');
    await window.login(OPERATOR_KEY);
    const row = page.getByRole('row').nth(1);
    await row.getByText('ORDER-21', { exact: true }).waitFor();
    const list = page.url();

    const type = row.getByText('payment.succeeded');
    const box = await type.boundingBox();
    if (box === null) throw new Error('The row is not shown.');
    const middle = box.y + box.height / 2;
    await page.mouse.move(box.x + 12, middle);
    await page.mouse.down();
    await page.mouse.move(box.x + 90, middle, { steps: 4 });
    await page.mouse.up();
    expect(String(await page.evaluate('getSelection().toString()'))).toMatch(/payment/);
    await row.getByRole('button', { name: /^Copy/ }).first().click();
    expect(page.url()).toBe(list);

    const [other] = await Promise.all([
      context.waitForEvent('page'),
      type.click({ modifiers: ['ControlOrMeta'] }),
    ]);
    await other.getByRole('heading', { level: 1 }).getByText('ORDER-21').waitFor();
    await other.close();
    expect(page.url()).toBe(list);

    await page.keyboard.press('j');
    expect(await row.getByRole('link').evaluate((link) => link.matches(':focus'))).toBe(true);
    await type.click();
    await page.waitForURL('**/notifications/ntf_*');
    // Back to what was looked for.
    await page.getByRole('link', { name: 'To all notifications' }).click();
    await page.waitForURL(list);
    await row.getByRole('link').press('Enter');
    await page.waitForURL('**/notifications/ntf_*');
    expect(window.complaints).toEqual([]);
  });

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
    await page.getByRole('status').getByText('1 skipped').waitFor();
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
