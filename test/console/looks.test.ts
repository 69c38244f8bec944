import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, openBrowser, openWindow } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { furnish } from './furnished.ts';

const LANGUAGES = ['en', 'zh'] as const;
const HAN = /\p{Script=Han}/u;

const LIMIT_MS = 240_000;
const CONTRAST = 'color-contrast';

/**
 * Every screen in the four pairs of language and scheme, wide and narrow. What depends on neither is
 * looked at once, what depends on the colours in both schemes. What screens do is driven elsewhere.
 */
describe.skipIf(!hasBrowser())('every screen', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let home: Awaited<ReturnType<typeof furnish>>;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway({ sweepEveryMs: 200 }), openBrowser()]);
    home = await furnish(gateway, 3);
  });
  afterAll(async () => {
    await browser?.close();
    await home?.close();
    await gateway?.close();
  });

  /** Within the page, as a click would: what it is made of is not read anew. */
  async function go(page: Page, path: string): Promise<void> {
    const [title, here] = [await page.title(), new URL(page.url()).pathname];
    await page.evaluate(`history.pushState(null, '', ${JSON.stringify(`/console${path}`)});
      dispatchEvent(new PopStateEvent('popstate'))`);
    // Until another screen says its own there is the one before to be seen.
    if (new URL(page.url()).pathname === here) return;
    await until(async () => (await page.title()) !== title, { what: `${path} to open` });
  }
  const width = (page: Page) => page.evaluate('document.documentElement.scrollWidth');

  test.concurrent.each(LANGUAGES)(
    'is whole in any look (%s)',
    { timeout: LIMIT_MS },
    async (language) => {
      const window = await openWindow(browser, gateway.url, { language, scheme: 'light' });
      const { page, axe, complaints } = window;
      await window.open('/');
      await window.login(OPERATOR_KEY);
      const menu = await page
        .getByRole('navigation')
        .getByRole('link')
        .evaluateAll((links) => links.map((link) => (link as unknown as URL).pathname));
      const walked = home.places.map(({ path }) => `/console${path}`.replace(/[?#].*|\/$/, ''));
      expect(menu.map((path) => path.replace(/\/$/, '')).filter((path) => !walked.includes(path)))
        // What the menu has, this walk has.
        .toEqual([]);
      for (const { path, shows } of home.places) {
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.emulateMedia({ colorScheme: 'light' });
        await go(page, path);
        await page.locator(shows).first().waitFor();
        const isEnglish = language === 'en';
        expect(await axe(isEnglish ? undefined : CONTRAST), `${path}, light`).toEqual([]);
        expect(await width(page), path).toBe(1280);
        const heading = await page.getByRole('heading', { level: 1 }).innerText();
        expect(heading).not.toBe('');
        expect(HAN.test(await page.locator('main').innerText()), path).toBe(language === 'zh');
        await page.setViewportSize({ width: 400, height: 800 });
        await page.emulateMedia({ colorScheme: 'dark' });
        await until(async () => (await width(page)) === 400, { what: `${path} to fit` });
        expect(await axe(isEnglish ? CONTRAST : undefined), `${path}, dark`).toEqual([]);
      }
      expect(complaints).toEqual([]);
      await window.close();
    },
  );
});
