import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeFailed } from '../features/resends/failed.ts';
import { hasBrowser, LOOKS, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const COUNT = 40;
const WIDTH = 'document.documentElement.scrollWidth';

describe.skipIf(!hasBrowser())('bulk re-sends and their traces in the console', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let receiver: Receiver;
  let merchants: { id: string; key: string; endpointId: string }[];
  let window: Window;

  beforeAll(async () => {
    [gateway, browser, receiver] = await Promise.all([
      testGateway(),
      openBrowser(),
      startReceiver(),
    ]);
    merchants = [];
    for (const _look of LOOKS) {
      const { id, key } = await gateway.merchant();
      const options = { url: receiver.url(), count: COUNT, merchantId: id };
      const { endpointId } = await makeFailed(gateway, options);
      await gateway.operator.post(`/v1/endpoints/${endpointId}/resume`).expect(200);
      merchants.push({ id, key, endpointId });
    }
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([gateway?.close(), browser?.close(), receiver?.close()]));

  async function isFine({ page, axe, complaints }: Window) {
    expect(await axe()).toEqual([]);
    await page.setViewportSize({ width: 400, height: 800 });
    await until(async () => (await page.evaluate(WIDTH)) === 400, { what: 'it to fit' });
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints).toEqual([]);
  }

  for (const [index, look] of LOOKS.entries()) {
    test(`what failed is counted, sent again, paused, resumed and cancelled (${look.name})`, async () => {
      const merchant = merchants[index] as (typeof merchants)[number];
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      const press = (name: RegExp) => page.getByRole('button', { name }).click();
      await window.open('/resends');
      await window.login(OPERATOR_KEY);
      await page
        .getByRole('link', { name: /New bulk re-send|新建批量重发/ })
        .first()
        .click();
      await page.getByText(/nothing is sent yet|不会发送/).waitFor();
      await page.getByRole('combobox', { name: /^(Merchant|商户)$/ }).fill(merchant.id);
      await page.keyboard.press('Enter');
      const counted = page.getByRole('heading', { name: /deliveries fit|符合条件的投递/ });
      await counted.filter({ hasText: String(COUNT) }).waitFor();
      await page.getByLabel(/^(Business keys|业务单号)/).fill(`${merchant.id}-1\n${merchant.id}-2`);
      await page.keyboard.press('Tab');
      await counted.filter({ hasText: /(^|：)2 / }).waitFor();
      await page.getByLabel(/^(Business keys|业务单号)/).fill('');
      await page.keyboard.press('Tab');
      await counted.filter({ hasText: String(COUNT) }).waitFor();

      await page.getByLabel(/^(Reason|原因)/).fill('their <i>server</i> was down');
      await page.getByLabel(/^(Deliveries a second|每秒投递数)/).fill('0.1');
      await isFine(window);
      await press(/^(Send 40 again|重发 40 条)$/);
      await page.waitForURL('**/resends/rsd_*');
      await press(/^(Pause|暂停)$/);
      await page.getByText(/^(paused|已暂停)$/).waitFor();
      await isFine(window);
      await press(/^(Resume|恢复)$/);
      await page.getByText(/^(running|进行中)$/).waitFor();
      await press(/^(Cancel the rest|取消剩余)$/);
      await page.getByRole('dialog').getByRole('button').last().click();
      await page.getByText(/^(cancelled|已取消)$/).waitFor();

      await page.getByRole('link', { name: /All bulk re-sends|全部批量重发/ }).click();
      const row = page.getByRole('row').nth(1);
      await row.getByText('their <i>server</i> was down').waitFor();
      await row.getByText(merchant.id).waitFor();
      await isFine(window);
    });

    test(`the audit log says who did it, and what became of it (${look.name})`, async () => {
      const { endpointId } = merchants[index] as (typeof merchants)[number];
      await gateway.operator
        .patch(`/v1/endpoints/${endpointId}`, { description: `<b>${look.name}</b>` })
        .expect(200);
      window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open(`/audit?object=${endpointId}`);
      await window.login(OPERATOR_KEY);
      await page.getByRole('button', { name: /endpoint\.update/ }).click();
      await page.getByText(`"<b>${look.name}</b>"`).waitFor();
      expect(await page.locator('ins').allTextContents()).toContain(`"<b>${look.name}</b>"`);
      await isFine(window);
      await page.getByRole('combobox', { name: /^(Action|操作)$/ }).fill('endpoint.resume');
      await page.keyboard.press('Enter');
      await page.waitForURL('**action=endpoint.resume**');
      await page.getByRole('button', { name: /endpoint\.update/ }).waitFor({ state: 'detached' });
      expect(await page.getByRole('listitem').count()).toBe(1);
      await page
        .getByRole('button', { name: /Clear all|全部清除/ })
        .first()
        .click();
      await page
        .getByRole('button', { name: /resend\.create/ })
        .first()
        .waitFor();
      await isFine(window);
    });
  }

  test('what the list of notifications shows is sent again by the same address', async () => {
    const { endpointId } = merchants[0] as (typeof merchants)[number];
    window = await openWindow(browser, gateway.url);
    const { page } = window;
    const heading = page.getByRole('heading', { level: 2 });
    await window.open(`/resends/new?status=failed,skipped&q=${endpointId}`);
    await window.login(OPERATOR_KEY);
    await heading.filter({ hasText: 'deliveries fit' }).waitFor();
    expect(await page.getByRole('combobox', { name: 'Endpoint' }).inputValue()).toBe(endpointId);
    await window.open(`/resends/new?q=${merchants[1]?.id}-3`);
    await heading.filter({ hasText: '1 delivery fits' }).waitFor();
    await window.open('/resends/new?q=ntf_01m81swkggesnbwkwy47zvky40');
    await page.getByText('cannot be taken over').waitFor();
  });

  test('a merchant sends its own alone, sees no job of others and no audit log', async () => {
    const [mine, theirs] = merchants as [(typeof merchants)[number], (typeof merchants)[number]];
    const ask = { filter: { merchantId: theirs.id }, reason: 'theirs', ratePerSecond: 1 };
    const { body: job } = await gateway.as(theirs.key).post('/v1/resends', ask).expect(202);
    window = await openWindow(browser, gateway.url);
    const { page } = window;
    await window.open('/resends');
    await window.login(mine.key);
    await page.getByText('No bulk re-sends yet').waitFor();
    await window.open(`/resends/${job.id}`);
    await page.getByText('it is not yours to see').waitFor();
    await window.open(`/resends/new?merchant=${theirs.id}&keys=${theirs.id}-1`);
    await page.getByText('There is nothing to be sent again').waitFor();
    await window.open('/audit');
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    expect(window.complaints).toEqual([]);
  });
});
