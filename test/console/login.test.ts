import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, LOOKS, openBrowser, openWindow } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';

describe.skipIf(!hasBrowser())('logging in to the console', () => {
  let gateway: TestGateway;
  let browser: Browser;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway(), openBrowser()]);
  });
  afterAll(() => Promise.all([gateway?.close(), browser?.close()]));

  for (const look of LOOKS) {
    test(`a wrong key is refused, a right one opens the screen that was asked for (${look.name})`, async () => {
      const window = await openWindow(browser, gateway.url, look);
      const { page } = window;
      await window.open('/notifications');
      await page.getByLabel(/^(Key|密钥)/).fill('pr_operator_wrong');
      await page.getByRole('button', { name: /^(Log in|登录)$/ }).click();
      await page.getByText(/wrong, expired or revoked|密钥错误/).waitFor();
      expect(await window.axe()).toEqual([]);

      await window.login(OPERATOR_KEY);
      await page.getByRole('heading', { level: 1, name: /Notifications|通知/ }).waitFor();
      expect(new URL(page.url()).pathname).toBe('/console/notifications');
      expect(await window.axe()).toEqual([]);
      expect(window.complaints).toEqual([]);
      await window.close();
    });
  }
});
