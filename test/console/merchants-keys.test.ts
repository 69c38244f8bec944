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

describe.skipIf(!hasBrowser())('the screens of merchants and keys', () => {
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

  for (const { name, ...look } of LOOKS) {
    const isChinese = look.language === 'zh';
    const say = (en: string, zh: string) => (isChinese ? zh : en);
    const kept = { name: say('I have kept it', '我已保存') };

    test(`a merchant is made with a key that opens, and gets another secret (${name})`, async () => {
      const id = `m_made-${look.language}`;
      const page = await open('/merchants', look);
      await page
        .getByRole('button', { name: say('New merchant', '新建商户') })
        .first()
        .click();
      const form = page.getByRole('dialog');
      await form.getByLabel(say('Name', '名称')).fill('Tea <b>house</b>');
      await form.getByLabel(say('Id', '编号')).fill(id);
      expect(await window.axe()).toEqual([]);
      await form.getByRole('button', { name: say('Create', '创建') }).click();
      const key = await page.getByText(/^pr_merchant_/).innerText();
      const secret = await page.getByText(/^whsec_/).innerText();
      await page.getByRole('button', kept).click();
      await gateway.as(key).get(`/v1/merchants/${id}/endpoints`).expect(200);

      const row = page.getByRole('row').filter({ hasText: id });
      await row.getByText('Tea <b>house</b>').waitFor();
      await row.getByRole('button', { name: say('Rotate secret', '轮换密钥') }).click();
      await page.getByRole('button', { name: say('Make a new secret', '生成新密钥') }).click();
      expect(await page.getByText(/^whsec_/).innerText()).not.toBe(secret);
      await page.getByRole('button', kept).click();
      await row.getByRole('button', { name: say('Rename', '改名') }).click();
      await page.getByRole('dialog').getByLabel(say('Name', '名称')).fill('Coffee');
      await page.getByRole('button', { name: say('Save', '保存') }).click();
      await row.getByText('Coffee').waitFor();
      await row.getByRole('link', { name: say('Endpoints', '端点') }).click();
      await page.waitForURL(new RegExp(`merchant=${id}`));
      expect(window.complaints).toEqual([]);
    });

    test(`a key is made, works, and is revoked for good (${name})`, async () => {
      const called = `till ${look.language}`;
      const page = await open('/keys', look);
      await page
        .getByRole('button', { name: say('New key', '新建密钥') })
        .first()
        .click();
      const form = page.getByRole('dialog');
      await form.getByLabel(say('Name', '名称')).fill(called);
      await form.getByLabel(say('Expires', '到期')).selectOption('month');
      await form.getByRole('button', { name: say('Create', '创建') }).click();
      const key = await page.getByText(/^pr_producer_/).innerText();
      await page.getByText(/^whsec_/).waitFor();
      await page.getByRole('button', kept).click();
      await gateway.as(key).get('/v1/queues').expect(200);

      const row = page.getByRole('row').filter({ hasText: called });
      await row.getByText(say('valid', '有效'), { exact: true }).waitFor();
      expect(await row.innerText()).toMatch(isChinese ? /(29|30)天后/ : /in (29|30) days/);
      await row.getByRole('button', { name: say('Revoke', '吊销') }).click();
      await page.getByRole('button', { name: say('Revoke for good', '永久吊销') }).click();
      await row.getByText(say('revoked', '已吊销'), { exact: true }).waitFor();
      await gateway.as(key).get('/v1/queues').expect(401);
      expect(await window.axe()).toEqual([]);
      expect(window.complaints).toEqual([]);
    });
  }

  for (const { name, ...look } of LOOKS) {
    const say = (en: string, zh: string) => (look.language === 'zh' ? zh : en);

    test(`a key is made that may call this alone, for one merchant, from here, until then (${name})`, async () => {
      const [{ id }, other] = [await gateway.merchant(), await gateway.merchant()];
      const called = `scoped ${look.language}`;
      const page = await open('/keys', look);
      await page
        .getByRole('button', { name: say('New key', '新建密钥') })
        .first()
        .click();
      const form = page.getByRole('dialog');
      const create = form.getByRole('button', { name: say('Create', '创建') });
      const press = (label: string, text: string) =>
        form
          .getByRole('combobox', { name: label })
          .fill(text)
          .then(() => page.keyboard.press('Enter'));
      await form.getByLabel(say('Name', '名称')).fill(called);
      await form.getByLabel(say('May', '权限范围')).selectOption('some');
      expect(await create.isDisabled()).toBe(true);
      await form.getByRole('checkbox', { name: 'queues:read' }).check();
      await form.getByRole('checkbox', { name: 'notifications:write' }).check();
      await press(say('Only for these merchants', '仅限这些商户'), id);
      await press(say('Only from these addresses', '仅限这些来源地址'), '127.0.0.0/40');
      await form.getByLabel(say('Expires', '到期')).selectOption('date');
      expect(await create.isDisabled()).toBe(true);
      const until = form.getByLabel(say('Until', '截止时间'));
      await until.fill('2020-01-01T00:00');
      await form.getByText(say('This is past.', '该时间已过。')).waitFor();
      expect(await create.isDisabled()).toBe(true);
      await until.fill('2099-12-31T23:59');
      expect(await window.axe()).toEqual([]);
      await page.setViewportSize({ width: 390, height: 800 });
      expect(await page.evaluate('innerWidth - document.documentElement.scrollWidth')).toBe(0);
      expect(await window.axe()).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 900 });
      await create.click();
      await form.getByRole('alert').getByText('body.networks.0').first().waitFor();
      const networks = form.getByRole('combobox', { name: say('Only from', '仅限这些来源地址') });
      await networks.focus();
      await page.keyboard.press('Backspace');
      await networks.fill('127.0.0.0/8 ::1 ');
      await create.click();
      const key = await page.getByText(/^pr_producer_/).innerText();
      await page.getByRole('button', { name: say('I have kept it', '我已保存') }).click();

      const made = gateway.as(key);
      const { body } = await gateway.operator.get('/v1/keys?limit=1').expect(200);
      expect(body.data[0]).toMatchObject({
        name: called,
        calls: ['queues:read', 'notifications:write'],
        merchants: [id],
        networks: ['127.0.0.0/8', '::1'],
        expiresAt: '2099-12-31T23:59:00.000Z',
      });
      await made.get('/v1/queues').expect(200);
      await made.get('/v1/notifications').expect(403);
      const notification = { type: 'a.b', businessKey: '1', payload: {} };
      await made.post('/v1/notifications', { ...notification, merchantId: id }).expect(202);
      await made.post('/v1/notifications', { ...notification, merchantId: other.id }).expect(403);
      expect(window.complaints).toEqual([]);
    });
  }

  test('a scoped key shows what it may, and from where', async () => {
    const { id } = await gateway.merchant();
    const scope = { calls: ['notifications:write'], merchants: [id], networks: ['192.0.2.0/24'] };
    const key = { role: 'producer', name: 'narrow till', ...scope };
    await gateway.operator.post('/v1/keys', key).expect(201);
    const page = await open('/keys');
    const row = page.getByRole('row').filter({ hasText: 'narrow till' });
    await row.getByText('notifications:write').waitFor();
    await row.getByText('only from 192.0.2.0/24').waitFor();
    await row.getByText(id).waitFor();
    expect(await window.axe()).toEqual([]);
    expect(window.complaints).toEqual([]);
  });

  test('a taken id and a merchant who is not there are said at once', async () => {
    await gateway.merchant('m_taken');
    const page = await open('/merchants');
    await page.getByRole('button', { name: 'New merchant' }).first().click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill('Again');
    await form.getByLabel('Id').fill('m_taken');
    await form.getByRole('button', { name: 'Create' }).click();
    await form.getByText('There is a merchant with this id already.').waitFor();
    await window.open('/keys');
    await page.getByRole('button', { name: 'New key' }).first().click();
    await form.getByLabel('Role').selectOption('merchant');
    await form.getByLabel('Name').fill('stray');
    expect(await form.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
    await form.getByLabel('Merchant', { exact: false }).last().fill('m_nobody');
    await form.getByRole('button', { name: 'Create' }).click();
    await form.getByRole('alert').getByText('No such merchant.').first().waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('both are usable at 400 px, and not there for a merchant', async () => {
    const { key } = await gateway.merchant();
    const page = await open('/keys', { width: 400 });
    for (const path of ['/keys', '/merchants']) {
      await window.open(path);
      await page.getByRole('row').nth(1).waitFor();
      const spare = await page.evaluate('innerWidth - document.documentElement.scrollWidth');
      expect(spare).toBe(0);
      expect(await window.axe()).toEqual([]);
    }
    await window.close();
    const theirs = await open('/keys', {}, key);
    await theirs.getByRole('heading', { name: 'Nothing here' }).waitFor();
    await window.open('/merchants');
    await theirs.getByRole('heading', { name: 'Nothing here' }).waitFor();
    expect(
      await theirs
        .getByRole('navigation')
        .getByText(/Keys|Merchants/)
        .count(),
    ).toBe(0);
    expect(window.complaints).toEqual([]);
  });
});
