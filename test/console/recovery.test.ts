import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { utcDate } from '../features/reconciliations/books.ts';
import { hasBrowser, LOOKS, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { type Day, playADay } from './day.ts';

const DATE = utcDate(-2);
const WIDTH = 'document.documentElement.scrollWidth';

describe.skipIf(!hasBrowser())('recovery in the console', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let receiver: Receiver;
  let days: Day[];
  let window: Window;

  beforeAll(async () => {
    [gateway, browser, receiver] = await Promise.all([
      testGateway(),
      openBrowser(),
      startReceiver(),
    ]);
    days = await Promise.all(LOOKS.map(() => playADay(gateway, receiver, { date: DATE })));
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([gateway?.close(), browser?.close(), receiver?.close()]));

  const press = (page: Page, name: RegExp) => page.getByRole('button', { name }).click();

  async function isFine({ page, axe, complaints }: Window) {
    expect(await axe()).toEqual([]);
    await page.setViewportSize({ width: 400, height: 800 });
    await until(async () => (await page.evaluate(WIDTH)) === 400, { what: 'it to fit' });
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints).toEqual([]);
  }

  for (const [index, look] of LOOKS.entries()) {
    test(`a list is handed in, compared, and what differs is settled (${look.name})`, async () => {
      const { merchant, csv } = days[index] as Day;
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      const hand = (name: string, text: string | Buffer) =>
        page
          .locator('input[type=file]')
          .setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
      await window.open(`/reconciliations?date=${DATE}`);
      await window.login(merchant.key);

      await hand('other.csv', 'order;money\n1;2\n');
      await page.getByRole('alert').getByText('businessKey,status,amount,currency').waitFor();
      await hand('broken.csv', csv.replace('1208.00', '1 208'));
      await press(page, /^(Compare|开始核对)$/);
      const alert = page.getByRole('alert');
      await alert.getByText('amount,SUCCESS,1 208,CNY').waitFor();
      await alert.getByText(/no decimal such as|不是 100.00 这样的小数/).waitFor();
      await press(page, /^(Another list|换一份清单)$/);
      await press(page, /^(Paste instead|改为粘贴)$/);
      await page.getByLabel(/The list as text|清单文本/).fill(csv);
      await press(page, /^(Take this list|使用此清单)$/);
      await isFine(window);
      await press(page, /^(Compare|开始核对)$/);
      await page.waitForURL('**/reconciliations/rec_*');

      await press(page, /(Only ours|仅我方有) ?2/);
      await page.waitForURL('**?kind=gateway_only');
      await page.getByText('lost-1', { exact: true }).waitFor();
      await page.getByText('amount', { exact: true }).waitFor({ state: 'detached' });
      await press(page, /(Re-send all missing|重发全部缺失)/);
      const before = receiver.requests.length;
      await page.getByRole('dialog').getByRole('button').last().click();
      await receiver.waitFor(before + 2);
      await page
        .getByText(/^(sent again|已重发)$/)
        .nth(1)
        .waitFor();
      await press(page, /(Only ours|仅我方有) ?2/);

      await press(page, /^(Settle|处理) amount$/);
      await page.getByRole('menuitem', { name: /Ours is right|以我方为准/ }).click();
      await page.getByLabel(/^(Reason|原因)/).fill('typed wrong <b>there</b>');
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /Ours is right|以我方为准/ })
        .click();
      await page.getByText('typed wrong <b>there</b>').waitFor();
      await page.getByText(/as of|数据截至/).waitFor();
      await press(page, /^(Adjustment list|平账调整单)$/);
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: /CSV/ }).click(),
      ]);
      expect(file.suggestedFilename()).toMatch(/^adjustments-.*-rec_.*\.csv$/);
      expect(await readFile(await file.path(), 'utf8')).toMatch(
        /^\d+,amount_mismatch,amount,merchant,.*,accept_ours,typed wrong <b>there<\/b>,/m,
      );
      await page.getByText(/^(Open|待处理)$/).click();
      await page.getByText('lost-1', { exact: true }).waitFor({ state: 'detached' });
      expect(await page.getByRole('row').count()).toBe(1 + 2);
      await isFine(window);
    });

    test(`a day's statement shows its totals and goes home as a file (${look.name})`, async () => {
      const { merchant } = days[index] as Day;
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open('/statements');
      await window.login(OPERATOR_KEY);
      await page.getByText(/^(Choose a merchant|请选择商户)$/).waitFor();
      await page.getByRole('combobox', { name: /^(Merchant|商户)$/ }).fill(merchant.id);
      await page.keyboard.press('Enter');
      await page.getByLabel(/^(Day|日期)$/).fill(DATE);
      const totals = page.getByRole('table', { name: /Totals|合计/ });
      await totals.getByText('REFUNDED', { exact: true }).waitFor();
      expect(await totals.getByRole('row').allTextContents()).toContainEqual(
        expect.stringMatching(/SUCCESSCNY7/),
      );
      await page.getByText(/^(closed|已结账)$/).waitFor();
      await isFine(window);

      await press(page, /^(Download|下载)$/);
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: /CSV/ }).click(),
      ]);
      expect(file.suggestedFilename()).toBe(`statement-${merchant.id}-${DATE}.csv`);
      const text = await readFile(await file.path(), 'utf8');
      const { text: expected } = await merchant.api.get(`/v1/statements/${DATE}`, {
        accept: 'text/csv',
      });
      expect(text).toBe(expected);
    });

    test(`results are looked up, one and several at once (${look.name})`, async () => {
      const { merchant } = days[index] as Day;
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open('/results');
      await window.login(merchant.key);
      const box = page.getByLabel(/^(Business keys|业务单号)$/);
      await box.fill('status');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/results?key=status');
      await page
        .getByRole('region', { name: /Latest state|最新状态/ })
        .getByText('REFUNDED', { exact: true })
        .waitFor();
      const history = page.getByRole('region', { name: /History|历史/ });
      expect(await history.getByRole('listitem').count()).toBe(2);
      await history
        .getByRole('listitem')
        .nth(1)
        .getByText(/^(came late|迟到)$/)
        .waitFor();
      await isFine(window);

      await box.fill('lost-1\nnobody-knows\namount');
      await page.keyboard.press('Enter');
      await page.getByText(/^(2 found|找到 2 个)$/).waitFor();
      expect(await page.getByRole('row').count()).toBe(1 + 3);
      await isFine(window);
      await page.getByRole('table').getByText('amount', { exact: true }).click();
      await page.waitForURL('**/results?key=amount');
      await page.goBack();
      await page.getByText(/^(1 unknown|1 个未知)$/).waitFor();
    });
  }

  test('a merchant reaches nothing of another', async () => {
    const [mine, theirs] = days as [Day, Day];
    const { body: found } = await theirs.merchant.api.get('/v1/reconciliations').expect(200);
    window = await openWindow(browser, gateway.url);
    const { page } = window;
    await window.open(`/results?merchant=${theirs.merchant.id}&key=status`);
    await window.login(mine.merchant.key);
    const latest = page.getByRole('region', { name: 'Latest state' });
    await latest.getByText(mine.merchant.id).waitFor();
    await window.open(`/statements?merchant=${theirs.merchant.id}&date=${DATE}`);
    await page.getByRole('table', { name: 'Totals' }).waitFor();
    await window.open(`/reconciliations?merchant=${theirs.merchant.id}`);
    await page.getByRole('link', { name: DATE }).waitFor();
    expect(await page.content()).not.toContain(theirs.merchant.id);
    await window.open(`/reconciliations/${found.data[0].id}`);
    await page.getByText('There is nothing here, or it is not yours to see.').waitFor();
    expect(window.complaints).toEqual([]);
  });
});
