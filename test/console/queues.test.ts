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
import { until } from '../support/until.ts';

describe.skipIf(!hasBrowser())('the screens of queues', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway(), openBrowser()]);
  });
  afterEach(() => window?.close());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  async function open(path: string, look: Look = {}, key = OPERATOR_KEY) {
    window = await openWindow(browser, gateway.url, look);
    await window.open(path);
    await window.login(key);
    return window.page;
  }
  const put = (name: string, rules: object) =>
    gateway.operator.put(`/v1/queues/${name}`, rules).expect(200);
  const rulesOf = async (name: string) =>
    (await gateway.operator.get(`/v1/queues/${name}`).expect(200)).body;
  /** The times in the list, as they are shown. */
  const times = () => window.page.locator('ol time').allInnerTexts();

  for (const { name, ...look } of LOOKS) {
    const isChinese = look.language === 'zh';

    test(`a ladder is pasted, looked at, and saved as the next version (${name})`, async () => {
      const queue = isChinese ? 'pasted-zh' : 'pasted-en';
      await put(queue, { ladderSeconds: [0, 60], deadlineSeconds: 3600, jitter: 0 });
      const page = await open(`/queues/${queue}`, look);
      await until(async () => (await times()).join() === '10:00:00,10:01:00');
      const all = page.getByLabel(isChinese ? /^全部级别/ : /^All rungs/);
      await all.fill('0s/15s/3分钟/1h30m, 6h');
      await until(async () => (await times()).join() === '10:00:00,10:00:15,10:03:15');
      expect(await page.getByText(isChinese ? '超过期限' : 'behind the deadline: dropped').count())
        // Two rungs, and the curve's legend in Chinese.
        .toBe(isChinese ? 3 : 2);
      await page.getByLabel(isChinese ? /^期限/ : /^Deadline/).fill('1d');
      await until(async () => (await times()).length === 5);
      expect((await times()).at(-1)).toBe('17:33:15');
      expect(await window.axe()).toEqual([]);

      await page
        .getByRole('button', { name: isChinese ? '查看并保存' : 'Review and save' })
        .click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('0s 15s 3m 1h30m 6h').waitFor();
      expect(await dialog.locator('del').allInnerTexts()).toEqual(['0s 1m', '1h']);
      expect(await window.axe()).toEqual([]);
      await dialog.getByRole('button', { name: isChinese ? '保存' : 'Save' }).click();
      await dialog.waitFor({ state: 'detached' });
      const versions = page.getByText(isChinese ? '版本 2' : 'version 2', { exact: true });
      await versions.first().waitFor();
      expect(await rulesOf(queue)).toMatchObject({
        version: 2,
        preset: null,
        ladderSeconds: [0, 15, 180, 5400, 21_600],
        deadlineSeconds: 86_400,
        jitter: 0,
      });
      expect(window.complaints).toEqual([]);
    });
  }

  test('a preset is previewed before it is saved, and left behind by a rung of one’s own', async () => {
    await put('presets', { ladderSeconds: [0, 60], jitter: 0 });
    const page = await open('/queues/presets');
    await page.getByText('Alipay', { exact: true }).click();
    await until(async () => (await times()).length === 8);
    expect(await page.getByLabel('Expected').inputValue()).toBe('success');
    expect((await rulesOf('presets')).ladderSeconds).toEqual([0, 60]);
    await page.getByRole('status').getByText('Preset, Ladder, Success').waitFor();

    await page.getByLabel('Wait before attempt 2').press('Enter');
    await page.getByLabel('Wait before attempt 3').fill('banana');
    await page.getByRole('status').getByText('Something is not right yet').waitFor();
    expect(await page.getByRole('button', { name: 'Review and save' }).isDisabled()).toBe(true);
    await page.getByLabel('Wait before attempt 3').fill('5m');
    await page.getByRole('status').getByText('Not saved: Ladder, Success').waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await until(async () => (await times()).length === 2);
    expect(window.complaints).toEqual([]);
  });

  test('by keyboard: Enter adds a rung, Backspace in an empty one takes it away', async () => {
    await put('keyboard', { ladderSeconds: [0, 60], jitter: 0 });
    const page = await open('/queues/keyboard');
    await page.getByLabel('Wait before attempt 2').focus();
    await page.keyboard.press('Enter');
    const third = page.getByLabel('Wait before attempt 3');
    await until(() => third.evaluate((input) => input.matches(':focus')));
    await third.fill('');
    await page.keyboard.press('Backspace');
    await third.waitFor({ state: 'detached' });
    expect(await page.getByRole('button', { name: 'Review and save' }).count()).toBe(0);
  });

  test('what somebody else saved meanwhile is not written over', async () => {
    await put('contested', { ladderSeconds: [0, 60] });
    const page = await open('/queues/contested');
    await page.getByLabel(/^All rungs/).fill('0s 2m');
    await put('contested', { ladderSeconds: [0, 300] });
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody else has saved this queue').waitFor();
    expect((await rulesOf('contested')).ladderSeconds).toEqual([0, 300]);
  });

  test('a queue is created, an earlier version taken up again, and the queue deleted', async () => {
    const page = await open('/queues');
    await page.getByRole('link', { name: 'New queue' }).click();
    await page.getByLabel(/^Name/).fill('fresh');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/\/queues\/fresh$/);
    const before = (await rulesOf('fresh')).ladderSeconds;
    await put('fresh', { ladderSeconds: [0, 7] });
    await page.reload();
    await page.getByRole('button', { name: 'Load into the editor' }).click();
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await until(async () => (await rulesOf('fresh')).version === 3);
    expect((await rulesOf('fresh')).ladderSeconds).toEqual(before);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Delete the queue' }).click();
    await page.waitForURL(/\/queues$/);
    await gateway.operator.get('/v1/queues/fresh').expect(404);
    expect(window.complaints).toEqual([]);
  });

  test('a queue in which something waits stays, and says what waits', async () => {
    await put('busy', { ladderSeconds: [3600] });
    const { id } = await gateway.merchant();
    await gateway.operator
      .post('/v1/notifications', {
        merchantId: id,
        type: 'payment.succeeded',
        businessKey: 'ORDER-WAITS',
        payload: {},
        queue: 'busy',
        notifyUrl: 'http://127.0.0.1:9/',
      })
      .expect(202);
    const page = await open('/queues/busy');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Delete the queue' }).click();
    await page.getByRole('alert').getByText('Deliveries still wait').waitFor();
    await page.getByRole('link', { name: 'Show them' }).click();
    await page.getByText('ORDER-WAITS').first().waitFor();
    await gateway.operator.get('/v1/queues/busy').expect(200);
  });

  test('a merchant reads at 400 px, and finds nothing to change', async () => {
    await put('read-only', { preset: 'wechatpay' });
    const { key } = await gateway.merchant();
    const page = await open('/queues/read-only', { width: 400 }, key);
    await until(async () => (await times()).length === 16);
    expect(await page.locator('main input:not([type="time"]):not([type="radio"])').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
    const spare = await page.evaluate('innerWidth - document.documentElement.scrollWidth');
    expect(spare).toBe(0);
    expect(await window.axe()).toEqual([]);
    await window.open('/queues/_new');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('button', { name: 'Create' }).count()).toBe(0);
    expect(window.complaints).toEqual([]);
  });
});
