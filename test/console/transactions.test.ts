import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { becomes, branch, calls, view } from '../protocols/tcc/participants.ts';
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

const DAY_MS = 86_400_000;
const WIDTH = 'document.documentElement.scrollWidth';

describe.skipIf(!hasBrowser())('the screens of TCC transactions', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let browser: Browser;
  let shop: Receiver;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser, shop] = await Promise.all([
      testGateway({ sweepEveryMs: 200 }),
      openBrowser(),
      startReceiver(),
    ]);
    producer = await gateway.producer();
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([browser?.close(), gateway?.close(), shop?.close()]));

  async function open(path: string, look: Look = {}, key = OPERATOR_KEY) {
    window = await openWindow(browser, gateway.url, look);
    await window.open(path);
    await window.login(key);
    return window.page;
  }

  async function begin(gid: string, branchIds: string[], mode: 'managed' | 'initiator') {
    await producer.api
      .post('/v1/transactions', {
        gid,
        businessKey: `ORDER-${gid}`,
        timeoutSeconds: 3600,
        mode,
        branches: branchIds.map((id) => branch(shop, id)),
      })
      .expect(201);
  }

  async function isFine() {
    const { page, axe, complaints } = window;
    expect(await axe()).toEqual([]);
    await page.setViewportSize({ width: 390, height: 800 });
    await until(async () => (await page.evaluate(WIDTH)) === 390, { what: 'it to fit' });
    expect(await axe()).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints).toEqual([]);
  }

  async function submit(reason?: string) {
    const dialog = window.page.getByRole('dialog');
    if (reason !== undefined) await dialog.getByRole('textbox').fill(reason);
    await dialog.getByRole('button').last().click();
    await dialog.waitFor({ state: 'hidden' });
  }

  for (const look of LOOKS) {
    const say = (en: string, zh: string) => (look.language === 'zh' ? zh : en);
    const gid = `parked-${look.language}`;
    const [stock, points] = [`stock-${look.language}`, `points-${look.language}`];

    test(`a suspended one is found, a branch called again, another done by hand (${look.name})`, async () => {
      shop.answer({ status: 500, body: '<b>full</b>' }, `/${stock}/confirm`);
      shop.answer(500, `/${points}/confirm`);
      await begin(gid, [stock, points], 'initiator');
      await producer.api.post(`/v1/transactions/${gid}/confirm`).expect(202);
      await until(() => calls(shop).includes(`/${stock}/confirm`));
      await gateway.db.travel(DAY_MS + 1000);
      await becomes(producer.api, gid, 'suspended');

      const page = await open('/transactions', look);
      await page
        .getByRole('heading', { name: say('Transactions', 'TCC 事务'), level: 1 })
        .waitFor();
      await page.getByText(say('suspended', '已挂起'), { exact: true }).first().click();
      await page.waitForURL('**status=suspended**');
      await page
        .getByRole('combobox', { name: say('Business key', '业务单号') })
        .fill(`ORDER-${gid}`);
      await page.keyboard.press('Enter');
      await page.waitForURL(`**key=ORDER-${gid}**`);
      await until(async () => (await page.getByRole('row').count()) === 2);
      await isFine();
      await page.getByRole('link', { name: gid, exact: true }).click();

      const parked = page.getByRole('region', { name: say('Suspended', '已挂起') });
      await parked.getByText(stock).first().waitFor();
      const phases = page.getByRole('list', { name: say('Phases', '阶段') });
      await phases.getByText(say('0 of 2 branches', '已完成分支 0 / 2')).waitFor();
      const rowOf = (id: string) =>
        page
          .getByRole('row')
          .filter({ has: page.getByRole('button', { name: say(`Copy ${id}`, `复制 ${id}`) }) });
      const waiting = rowOf(points).getByRole('button', { name: say('again', '重试') });
      expect(await waiting.getAttribute('aria-disabled')).toBe('true');
      await waiting.hover();
      await page.getByRole('tooltip').getByText(stock).waitFor();
      await isFine();

      await rowOf(stock).getByRole('link').click();
      await page.waitForURL('**call=dlv_**');
      await page.getByRole('dialog').getByText('<b>full</b>').first().waitFor();
      expect(await window.axe()).toEqual([]);
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => !url.searchParams.has('call'));

      shop.answer(200, `/${stock}/confirm`);
      await parked.getByRole('button', { name: say('again', '重试') }).click();
      await submit('the stock is back');
      await rowOf(stock).getByText(say('confirmed', '已确认'), { exact: true }).waitFor();
      await rowOf(points)
        .getByRole('button', { name: say('done by hand', '人工完成') })
        .click();
      await submit('booked by hand');
      await rowOf(points).getByText('booked by hand').waitFor();
      await phases.getByText(say('2 of 2 branches', '已完成分支 2 / 2')).waitFor();
      await isFine();
      expect((await view(producer.api, gid)).status).toBe('confirmed');
      const { body } = await gateway.operator.get('/v1/audit-log?limit=2').expect(200);
      expect(body.data.map(({ reason }: { reason: string }) => reason)).toEqual([
        'booked by hand',
        'the stock is back',
      ]);
    });
  }

  test('an initiator that went silent is decided for, either way', async () => {
    await begin('silent', ['seat'], 'initiator');
    const page = await open('/transactions/silent');
    await page.getByText('called by its initiator').waitFor();
    const retry = page.getByRole('button', { name: 'Call seat again' });
    expect(await retry.getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    await submit();
    await page.getByText('1 of 1 branches').waitFor();
    await becomes(producer.api, 'silent', 'confirmed');

    await begin('given-up', ['seat'], 'initiator');
    await window.open('/transactions/given-up');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await submit('the customer left');
    await page.getByText('the customer left').waitFor();
    await becomes(producer.api, 'given-up', 'cancelled');
    expect(window.complaints).toEqual([]);
  });

  test('a managed one shows its tries, and who is too late sees why', async () => {
    shop.answer({ status: 200, delayMs: 4000 }, '/slow/try');
    await begin('managed', ['slow'], 'managed');
    const page = await open('/transactions/managed');
    const confirm = page.getByRole('button', { name: 'Confirm', exact: true });
    expect(await confirm.getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('too slow');
    await becomes(producer.api, 'managed', 'confirmed');
    await page.getByRole('dialog').getByRole('button').last().click();
    await page.getByRole('dialog').getByText('This transaction was confirmed.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('1 of 1 said yes').waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('two producers may call theirs the same: the list leads to each', async () => {
    const other = await gateway.producer();
    await begin('same', ['a'], 'initiator');
    const input = { gid: 'same', businessKey: 'ORDER-other', mode: 'initiator', branches: [] };
    await other.api.post('/v1/transactions', input).expect(201);
    const page = await open('/transactions?key=ORDER-other');
    await page.getByRole('link', { name: 'same', exact: true }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/transactions/same?producer=**');
    await page.getByText('No branches yet').waitFor();
    await window.open('/transactions/same');
    await page.getByRole('alert').getByText('Several producers').waitFor();
    await window.open('/transactions?key=ORDER-nobody');
    await page.getByText('Nothing matches').waitFor();
  });

  test('merchants have none', async () => {
    const { key } = await gateway.merchant();
    const page = await open('/transactions', {}, key);
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
  });
});
