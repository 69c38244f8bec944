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

const MARKUP = '<img src=x onerror="document.title=\'owned\'">';

describe.skipIf(!hasBrowser())('the screens of endpoints', () => {
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
    merchant = await gateway.merchant('m_tea-house');
  });
  afterEach(() => window?.close());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await receiver?.close();
  });

  async function open(path: string, look: Look = {}, key = OPERATOR_KEY) {
    window = await openWindow(browser, gateway.url, look);
    await window.open(path);
    await window.login(key);
    return window.page;
  }
  async function register(path: string, merchantId = merchant.id, more: object = {}) {
    const { body } = await gateway.operator
      .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(path), ...more })
      .expect(201);
    return body as { id: string; secret: string };
  }
  const read = async (id: string) =>
    (await gateway.operator.get(`/v1/endpoints/${id}`).expect(200)).body;

  for (const { name, ...look } of LOOKS) {
    const isChinese = look.language === 'zh';
    const say = (en: string, zh: string) => (isChinese ? zh : en);

    test(`one is registered, tested, paused and resumed (${name})`, async () => {
      const path = `/hook-${look.language}`;
      receiver.answer({ status: 503, body: MARKUP }, path);
      const page = await open(`/endpoints?merchant=${merchant.id}`, look);
      const create = page.getByRole('button', { name: say('New endpoint', '新建端点') });
      await create.first().click();
      const form = page.getByRole('dialog');
      await form.getByLabel(say('Address', '地址')).fill(receiver.url(path));
      await form.getByLabel(say('Headers', '请求头')).fill('X-Shop: tea\nX-Till: 7');
      await form.getByLabel(say('Attempts at once', '同时尝试数')).fill('3');
      expect(await window.axe()).toEqual([]);
      await form.getByRole('button', { name: say('Create', '创建') }).click();
      await page.getByText(/^whsec_/).waitFor();
      // Neither a click beside it nor Escape takes the secret away.
      await page.mouse.click(5, 5);
      await page.keyboard.press('Escape');
      expect(await page.getByText(/^whsec_/).isVisible()).toBe(true);
      await page.getByRole('button', { name: say('I have kept it', '我已保存') }).click();
      await page.waitForURL(/\/endpoints\/ep_/);
      const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
      expect(await read(id)).toMatchObject({
        headers: { 'X-Shop': '***', 'X-Till': '***' },
        maxInFlight: 3,
        types: ['*'],
      });

      await page.getByRole('button', { name: say('Send a test', '发送测试') }).click();
      await page.getByText('HTTP 503').waitFor();
      // What a receiver answers is text.
      await page.getByText(MARKUP).waitFor();
      await page.getByText('127.0.0.1', { exact: true }).waitFor();
      expect(await window.axe()).toEqual([]);
      const ping = receiver.requests.find((request) => request.path === path);
      expect(ping?.headers['x-shop']).toBe('tea');

      await page.getByRole('button', { name: say('Pause', '暂停'), exact: true }).click();
      await page.getByText(say('paused', '已暂停'), { exact: true }).waitFor();
      expect((await read(id)).status).toBe('paused');
      await page.getByRole('button', { name: say('Resume', '恢复'), exact: true }).click();
      await page.getByText(say('active', '正常'), { exact: true }).waitFor();
      expect((await read(id)).status).toBe('active');
      expect(await page.title()).not.toBe('owned');
      expect(window.complaints).toEqual([]);
    });
  }

  test('it is edited, gets another secret, and is deleted', async () => {
    const { id, secret } = await register('/edited', merchant.id, { description: 'old' });
    const page = await open(`/endpoints/${id}`);
    await page.getByRole('button', { name: 'Edit' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Description').fill('new');
    await form.getByLabel('Types').fill('payment.*');
    await form.getByLabel('Types').press('Enter');
    await form.getByLabel('Address').fill('no address');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('alert').waitFor();
    await form.getByLabel('Address').fill(receiver.url('/moved'));
    await form.getByRole('button', { name: 'Save' }).click();
    await form.waitFor({ state: 'detached' });
    expect(await read(id)).toMatchObject({
      url: receiver.url('/moved'),
      description: 'new',
      types: ['*', 'payment.*'],
    });

    await page.getByRole('button', { name: 'Rotate secret' }).click();
    await page.getByLabel('Overlap').selectOption('hour');
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    const shown = await page.getByText(/^whsec_/).innerText();
    expect(shown).not.toBe(secret);
    await page.getByText('The previous one signs too until').waitFor();
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByText('Previous secret ends').waitFor();

    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Delete the endpoint' }).click();
    await page.waitForURL(/\/endpoints\?merchant=/);
    await gateway.operator.get(`/v1/endpoints/${id}`).expect(404);
    expect(window.complaints).toEqual([]);
  });

  test('one that is gone says so, what was sent to it, and how it comes back', async () => {
    const other = await gateway.merchant();
    const { id } = await register('/gone', other.id);
    receiver.answer(410, '/gone');
    await gateway.operator
      .post('/v1/notifications', {
        merchantId: other.id,
        type: 'payment.succeeded',
        businessKey: 'ORDER-GONE',
        payload: {},
      })
      .expect(202);
    await until(async () => (await read(id)).status === 'disabled');
    const page = await open(`/endpoints?merchant=${other.id}`);
    await page.getByText('disabled: gone (410)').waitFor();
    await page.getByRole('row').nth(1).getByText('1 (100%)').waitFor();
    await page.getByRole('link', { name: receiver.url('/gone') }).click();
    await page.getByText('It answered 410 Gone').waitFor();
    const lastDay = page.getByRole('region', { name: 'Last 24 hours' });
    await lastDay.getByText('1 failure', { exact: true }).waitFor();
    await lastDay.getByRole('link', { name: 'HTTP error 410' }).waitFor();
    await page.getByRole('link', { name: 'ORDER-GONE' }).waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('active', { exact: true }).waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('a merchant has its own at 400 px, and nothing of another', async () => {
    const [mine, theirs] = await Promise.all([gateway.merchant(), gateway.merchant()]);
    const { id } = await register('/theirs', theirs.id);
    await register('/mine', mine.id);
    const page = await open(`/endpoints?merchant=${theirs.id}`, { width: 400 }, mine.key);
    await page.getByRole('link', { name: receiver.url('/mine') }).waitFor();
    expect(await page.getByText('/theirs').count()).toBe(0);
    const spare = await page.evaluate('innerWidth - document.documentElement.scrollWidth');
    expect(spare).toBe(0);
    expect(await window.axe()).toEqual([]);
    await window.open(`/endpoints/${id}`);
    await page.getByText('it is not yours to see').waitFor();
    expect(await page.locator('body').innerText()).not.toContain('/theirs');
    expect(window.complaints).toEqual([]);
  });
});
