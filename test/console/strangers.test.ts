import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';

/** What must never be seen by the other merchant. */
const THEIRS = 'ORDER-THEIRS';

describe.skipIf(!hasBrowser())('who sees what', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let mine: Awaited<ReturnType<TestGateway['merchant']>>;
  let theirs: Awaited<ReturnType<TestGateway['merchant']>>;
  let notificationId: string;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway(), openBrowser()]);
    [mine, theirs] = await Promise.all([gateway.merchant(), gateway.merchant()]);
    notificationId = await notify(theirs.id, THEIRS);
    await notify(mine.id, 'ORDER-MINE');
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([gateway?.close(), browser?.close()]));

  async function notify(merchantId: string, businessKey: string): Promise<string> {
    const { body } = await gateway.operator
      .post('/v1/notifications', {
        merchantId,
        type: 'payment.succeeded',
        businessKey,
        payload: {},
        notifyUrl: 'http://127.0.0.1:9/hook',
      })
      .expect(202);
    return body.id;
  }

  /** Everything the menu leads to. */
  async function menuOf(page: Window['page']): Promise<string[]> {
    const links = page.getByRole('navigation').getByRole('link');
    return links.evaluateAll((all) =>
      all.map((link) => (link as unknown as { pathname: string }).pathname),
    );
  }

  test('a merchant finds nothing of another, page by page', async () => {
    window = await openWindow(browser, gateway.url);
    const { page, complaints } = window;
    const answers: string[] = [];
    page.on('response', async (answer) => {
      if (!answer.url().includes('/v1/') || answer.url().includes('/v1/events')) return;
      answers.push(await answer.text().catch(() => ''));
    });
    await window.open('/notifications');
    await window.login(mine.key);
    await page.getByText('ORDER-MINE', { exact: true }).waitFor();
    expect(await page.getByText(THEIRS).count()).toBe(0);
    for (const text of [THEIRS, notificationId, theirs.id, 'http://127.0.0.1:9/hook']) {
      await window.open(`/notifications?q=${encodeURIComponent(text)}`);
      await page
        .getByText(/Nothing matches|Up to date/)
        .first()
        .waitFor();
      expect(await page.getByText(THEIRS, { exact: true }).count()).toBe(0);
    }
    await window.open(`/notifications?merchant=${theirs.id}`);
    await page.getByText('Nothing matches').waitFor();
    await window.open(`/notifications/${notificationId}`);
    await page.getByText('it is not yours to see').waitFor();

    for (const path of await menuOf(page)) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('load');
      expect(await page.locator('body').innerText()).not.toContain(THEIRS);
    }
    // Not only what is shown: nothing of it came over the wire.
    expect(answers.length).toBeGreaterThan(5);
    for (const text of answers) {
      expect(text).not.toContain(`"merchantId":"${theirs.id}"`);
      expect(text).not.toContain(`"businessKey":"${THEIRS}"`);
    }
    expect(complaints).toEqual([]);
  });

  test('scripts cannot read the cookie, a revoked key ends what is open, and what was seen is gone', async () => {
    const { body } = await gateway.operator
      .post('/v1/keys', { role: 'merchant', merchantId: mine.id, name: 'night shift' })
      .expect(201);
    window = await openWindow(browser, gateway.url);
    const { page, context } = window;
    await window.open('/notifications');
    await window.login(body.key);
    await page.getByText('ORDER-MINE', { exact: true }).waitFor();
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(body.key.slice(-12));
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    expect(cookie?.value).not.toContain(body.key);

    await gateway.operator.delete(`/v1/keys/${body.id}`).expect(204);
    // The list asks again by itself, and finds that nobody is logged in any more.
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    expect(await page.getByText('ORDER-MINE').count()).toBe(0);
    await window.login(mine.key);
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    expect(await context.cookies()).toEqual([]);
  });

  test('on a phone the menu is behind a button', async () => {
    window = await openWindow(browser, gateway.url, { width: 400, height: 800 });
    const { page, complaints } = window;
    await window.open('/');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
    await window.login(OPERATOR_KEY);
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('link', { name: 'Notifications' }).first().click();
    await page.waitForURL('**/console/notifications');
    await page.getByRole('table').waitFor();
    expect(complaints).toEqual([]);
  });
});
