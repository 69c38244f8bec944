import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, type Look, openBrowser, openWindow, type Window } from '../support/browser.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';

const LOOKS: readonly (Look & { name: string })[] = [
  { name: 'light', scheme: 'light' },
  { name: 'dark, on a phone', scheme: 'dark', width: 400 },
];

describe.skipIf(!hasBrowser())('the reference of the API', () => {
  let gateway: TestGateway;
  let browser: Browser;
  let window: Window;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([testGateway(), openBrowser()]);
  });
  afterEach(() => window?.close());
  afterAll(() => Promise.all([gateway?.close(), browser?.close()]));

  async function open(hash = '', look: Look = {}): Promise<Window['page']> {
    window = await openWindow(browser, gateway.url, look);
    await window.page.goto(`/docs${hash}`);
    await window.page.locator('.opblock').first().waitFor();
    return window.page;
  }
  /** The box of an operation, open or not. */
  const operation = (page: Window['page'], tag: string, id: string) =>
    page.locator(`#operations-${tag}-${id}`);

  test.each(LOOKS)('$name: loads from nowhere else, fits, and axe finds nothing', async (look) => {
    const page = await open('#/Notifications/postNotifications', look);
    const box = operation(page, 'Notifications', 'postNotifications');
    await box.getByRole('heading', { name: 'curl' }).waitFor();
    expect(await box.getByText('"ORDER-20261122-0001"').count()).toBeGreaterThan(1);
    // Headers, but for those that every answer has.
    expect(await box.getByText('Retry-After', { exact: true }).count()).toBe(3);
    expect(await box.locator('td').getByText('RateLimit-Limit').count()).toBe(0);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    // One operation, open: axe needs long for eighty that are made alike.
    await page.getByRole('searchbox').fill('accept stored answers');
    await operation(page, 'Queues', 'getQueues').waitFor({ state: 'detached' });
    expect(await window.axe()).toEqual([]);
    const from = await page.evaluate(
      'performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin)',
    );
    expect(new Set(from as string[])).toEqual(new Set([new URL(gateway.url).origin]));
    expect(window.complaints).toEqual([]);
  });

  test('search finds by words of path and summary, in the menu and on the page', async () => {
    const page = await open();
    await page.getByRole('searchbox').fill('secret ENDPOINTS');
    const found = operation(page, 'Endpoints', 'postEndpointsIdRotateSecret');
    await operation(page, 'Notifications', 'postNotifications').waitFor({ state: 'detached' });
    expect(await page.locator('.opblock').count()).toBe(1);
    expect(await found.isVisible()).toBe(true);
    const links = page.getByRole('navigation').getByRole('link');
    expect(await links.allInnerTexts()).toEqual([expect.stringContaining('/rotate-secret')]);
    await links.click();
    await found.getByRole('heading', { name: 'curl' }).waitFor();
    expect(page.url()).toContain('#/Endpoints/postEndpointsIdRotateSecret');
    await page.getByRole('searchbox').fill('no such thing');
    await found.waitFor({ state: 'detached' });
    expect(await page.locator('.opblock').count()).toBe(0);
    expect(window.complaints).toEqual([]);
  });

  test('a link of the menu opens its operation, and so does going back', async () => {
    const page = await open('#/Queues/putQueuesName');
    const put = operation(page, 'Queues', 'putQueuesName');
    await put.getByText("/v1/queues/payments' \\").waitFor();
    const menu = page.getByRole('navigation');
    await menu.getByText('Transactions', { exact: true }).click();
    await menu.getByRole('link', { name: 'POST /transactions', exact: true }).click();
    const begin = operation(page, 'Transactions', 'postTransactions');
    await begin.getByText('stock.example').first().waitFor();
    await expect.poll(() => begin.boundingBox().then((box) => (box?.y ?? 9999) < 900)).toBe(true);
    expect(window.complaints).toEqual([]);
  });

  test('it calls with the key that was typed, and forgets it with the page', async () => {
    const page = await open('#/Queues/getQueuesName');
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await page.getByRole('textbox', { name: /value/i }).fill(OPERATOR_KEY);
    await page.getByRole('button', { name: 'Apply credentials' }).click();
    await page.getByRole('button', { name: 'Close' }).last().click();
    const box = operation(page, 'Queues', 'getQueuesName');
    await box.getByRole('button', { name: 'Try it out' }).click();
    await box.getByPlaceholder('name').fill('default');
    const answered = page.waitForResponse('**/v1/queues/default');
    await box.getByRole('button', { name: 'Execute' }).click();
    const answer = await answered;
    expect(answer.status()).toBe(200);
    expect(await answer.request().headerValue('authorization')).toBe(`Bearer ${OPERATOR_KEY}`);
    await box.locator('.live-responses-table').getByText('"default"').first().waitFor();
    expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).toBe('[{},{}]');
    expect(await window.context.cookies()).toEqual([]);
    expect(window.complaints).toEqual([]);
  });

  test.each(LOOKS)('$name: shows the calls that the gateway makes', async (look) => {
    const page = await open('#/webhooks/checkBack', look);
    const box = operation(page, 'webhooks', 'checkBack');
    await box.getByText('Asks the producer how its transaction ended').waitFor();
    await box.locator('.parameter__name').getByText('webhook-signature').waitFor();
    await box.getByText('the same in all its check-backs').waitFor();
    expect(await box.getByText('"checkNumber"').count()).toBeGreaterThan(0);
    for (const status of ['2XX', '409', '425', 'default']) {
      expect(await box.locator('.responses-table').getByText(status, { exact: true }).count()).toBe(
        1,
      );
    }
    // Nobody but the gateway makes it.
    expect(await box.getByRole('heading', { name: 'curl' }).count()).toBe(0);
    expect(await box.getByRole('button', { name: 'Try it out' }).count()).toBe(0);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await page.getByRole('searchbox').fill('webhooks transaction ended');
    await operation(page, 'webhooks', 'notification').waitFor({ state: 'detached' });
    expect(await page.locator('.opblock').count()).toBe(1);
    expect(await window.axe()).toEqual([]);
    expect(window.complaints).toEqual([]);
  });

  test('the menu leads to them', async () => {
    const page = await open();
    const menu = page.getByRole('navigation');
    await menu.getByText('Webhooks', { exact: true }).click();
    await menu.getByRole('link', { name: 'POST tccTry', exact: true }).click();
    const box = operation(page, 'webhooks', 'tccTry');
    await box.locator('.parameter__name').getByText('postrider-op').waitFor();
    await expect.poll(() => box.boundingBox().then((at) => (at?.y ?? 9999) < 900)).toBe(true);
    expect(window.complaints).toEqual([]);
  });

  test('a stream is not waited for', async () => {
    const page = await open('#/Operations/getEvents');
    const box = operation(page, 'Operations', 'getEvents');
    await box.getByRole('button', { name: 'Try it out' }).click();
    await box.getByText('use curl -N').waitFor();
    expect(await box.getByRole('button', { name: 'Execute' }).count()).toBe(0);
  });
});
