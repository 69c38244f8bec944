import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HOUR, openScene, type Scene } from '../protocols/message/scene.ts';
import {
  hasBrowser,
  LOOKS,
  type Look,
  openBrowser,
  openWindow,
  type Window,
} from '../support/browser.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const WIDTH = 'document.documentElement.scrollWidth';

describe.skipIf(!hasBrowser())('the screens of reliable messages', () => {
  let scene: Scene;
  let browser: Browser;
  let window: Window;

  beforeAll(async () => {
    [scene, browser] = await Promise.all([openScene(), openBrowser()]);
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([browser?.close(), scene?.close()]));

  async function open(path: string, look: Look = {}, key = OPERATOR_KEY) {
    window = await openWindow(browser, scene.gateway.url, look);
    await window.open(path);
    await window.login(key);
    return window.page;
  }

  /** A message whose producer never said how it ended. */
  async function suspended(name: string) {
    scene.checks.answer({ body: '{"status":"unknown"}' }, `/${name}`);
    const { id } = await scene.prepare(
      { messageId: name, checkUrl: scene.checks.url(`/${name}`) },
      { businessKey: `ORDER-${name}` },
    );
    await scene.nextChecks([id], 1);
    await scene.gateway.db.travel(25 * HOUR);
    await scene.reaches(id, 'suspended');
    return id as string;
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
    const name = `parked-${look.language}`;

    test(`a suspended one is found, and asked about again (${look.name})`, async () => {
      const id = await suspended(name);
      scene.checks.answer([{ body: '{"status":"unknown"}' }], `/${name}`);
      const page = await open('/', look);
      await page.getByRole('link', { name: /^\d+ (messages?|条可靠消息)$/ }).click();
      await page.waitForURL('**/messages?status=suspended');
      await page.getByRole('heading', { name: say('Messages', '可靠消息'), level: 1 }).waitFor();
      await page
        .getByRole('combobox', { name: say('Business key', '业务单号') })
        .fill(`ORDER-${name}`);
      await page.keyboard.press('Enter');
      await page.waitForURL(`**key=ORDER-${name}**`);
      await until(async () => (await page.getByRole('row').count()) === 2);
      await isFine();
      await page.getByRole('link', { name: `ORDER-${name}` }).click();

      const parked = page.getByRole('region', { name: say('Suspended', '已挂起') });
      await parked.waitFor();
      const phases = page.getByRole('list', { name: say('Phases', '阶段') });
      await phases.getByText(say('somebody has to decide', '需人工裁决')).waitFor();
      const checks = page.getByRole('list', { name: say('Check-backs', '回查记录') });
      await checks.getByText(say('unknown', '未知'), { exact: true }).waitFor();
      await isFine();
      await parked.getByRole('button', { name: say('Ask again', '重新回查') }).click();
      expect(await window.axe()).toEqual([]);
      await submit();
      await checks.getByText(say('unknown', '未知'), { exact: true }).nth(1).waitFor();
      expect(scene.checks.requests.filter(({ path }) => path === `/${name}`).length).toBe(2);

      // The answer decided nothing, and the second day went by: longer than a session lasts.
      await window.close();
      await scene.gateway.db.travel(25 * HOUR);
      await scene.reaches(id, 'suspended');
    });

    test(`a suspended one is confirmed by hand, with a reason, and delivered (${look.name})`, async () => {
      const id = await suspended(`books-${look.language}`);
      const page = await open(`/messages/${id}`, look);
      const parked = page.getByRole('region', { name: say('Suspended', '已挂起') });
      const phases = page.getByRole('list', { name: say('Phases', '阶段') });
      await parked.getByRole('button', { name: say('Confirm by hand', '人工确认') }).click();
      await submit('it is paid in their books');
      await phases.getByText(say('by an operator', '由运营人工')).waitFor();
      await phases.getByText(say('Completed', '已完成')).waitFor();
      await page.getByText('it is paid in their books').waitFor();
      const message = await scene.reaches(id, 'completed');
      expect(message).toMatchObject({ decidedBy: 'operator', reason: 'it is paid in their books' });
      await page.getByRole('link', { name: say('Every attempt', '查看全部尝试') }).click();
      await page.waitForURL(`**/notifications/${message.notificationId}`);
      await page.goBack();
      await phases.getByText(say('Completed', '已完成')).waitFor();
      await isFine();
    });
  }

  test('before the first check-back its producer cannot be asked, and the screen says why', async () => {
    const { id } = await scene.prepare({ checkAfterSeconds: 3600 }, { businessKey: 'ORDER-early' });
    const page = await open(`/messages/${id}`);
    const ask = page.getByRole('button', { name: 'Ask now' });
    await ask.waitFor();
    expect(await ask.getAttribute('aria-disabled')).toBe('true');
    await ask.hover();
    await page.getByRole('tooltip').getByText('may still be under way').waitFor();
    await page.getByRole('button', { name: 'Cancel by hand' }).click();
    await submit();
    await page.getByText('nothing is sent', { exact: true }).waitFor();
    await scene.reaches(id, 'cancelled');
    expect(window.complaints).toEqual([]);
  });

  test('its producer is asked out of turn; what it says shows at once', async () => {
    scene.checks.answer({ status: 500, body: '<b>down</b>' }, '/now');
    const { id } = await scene.prepare({ checkUrl: scene.checks.url('/now') });
    await scene.nextChecks([id], 1);
    const page = await open(`/messages/${id}`);
    await page.getByText('<b>down</b>').waitFor();
    await page.getByText('1 of 15 answers were unknown').waitFor();
    scene.checks.answer({ body: '{"status":"rolled_back"}' }, '/now');
    await page.getByRole('button', { name: 'Ask now' }).click();
    await submit('they are back');
    await page.getByText('rolled back', { exact: true }).waitFor();
    await page.getByText('by a check-back').waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('who is too late sees why, and then how it was decided', async () => {
    const id = await suspended('too-late');
    const page = await open(`/messages/${id}`);
    await page.getByRole('button', { name: 'Cancel by hand' }).click();
    await page.getByRole('dialog').getByRole('textbox').fill('they gave it up');
    await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
    await page.getByRole('dialog').getByRole('button').last().click();
    await page
      .getByRole('dialog')
      .getByText(/It is (confirmed|completed), not suspended/)
      .waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('by the producer', { exact: false }).last().waitFor();
    expect(window.complaints).toEqual([]);
  });

  test('one that was given up is sent again', async () => {
    scene.receiver.answer(500, '/hook');
    const { id } = await scene.prepare({}, { businessKey: 'ORDER-dead' });
    await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
    await scene.gateway.db.travel(HOUR + 1000);
    await scene.reaches(id, 'dead');
    scene.receiver.answer(200, '/hook');
    const page = await open('/messages?status=dead&key=ORDER-dead');
    await page.getByRole('link', { name: 'ORDER-dead' }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByText('1 given up').waitFor();
    await isFine();
    await page.getByRole('button', { name: 'Re-send' }).click();
    await submit('they are back');
    await page.getByRole('list', { name: 'Phases' }).getByText('Completed').waitFor();
    await page.getByText('1 of 1 reached').waitFor();
    await scene.reaches(id, 'completed');
  });

  test('a merchant sees what was confirmed for it, and no check-backs', async () => {
    const other = await scene.gateway.merchant();
    const { id } = await scene.prepare({}, { businessKey: 'ORDER-mine' });
    await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
    await scene.reaches(id, 'completed');
    const hidden = await scene.prepare({}, { businessKey: 'ORDER-hidden' });
    const { body: key } = await scene.gateway.operator
      .post('/v1/keys', { role: 'merchant', merchantId: scene.merchant.id, name: 'console' })
      .expect(201);
    const page = await open('/messages', {}, key.key);
    await page.getByRole('link', { name: 'ORDER-mine' }).click();
    await page.getByRole('list', { name: 'Phases' }).getByText('Completed').waitFor();
    expect(await page.getByText('Check-backs').count()).toBe(0);
    expect(await page.getByRole('button', { name: /by hand/ }).count()).toBe(0);
    await window.open(`/messages/${hidden.id}`);
    await page.getByText('it is not yours to see').waitFor();
    await window.close();
    const theirs = await open('/messages', {}, other.key);
    await theirs.getByText('No messages yet').waitFor();
    expect(window.complaints).toEqual([]);
  });
});
