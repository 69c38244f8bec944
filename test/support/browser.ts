import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether there is a browser to drive; where CI is set there must be. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  if (process.env.CI === 'true') throw new Error(`No ${CHROMIUM}: with CI=true it must be there.`);
  return false;
}

/**
 * A browser for a whole file. @throws if the console is not built, or older than its sources
 * (`npm test` builds it first; here two files at once would build into each other's way)
 */
export async function openBrowser(): Promise<Browser> {
  const check = ['scripts/build.mjs', '--check', 'console'];
  if (spawnSync(process.execPath, check).status !== 0) {
    throw new Error('The console is not built, or stale: node scripts/build.mjs console');
  }
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export interface Look {
  language?: 'en' | 'zh';
  scheme?: 'light' | 'dark';
  width?: number;
  height?: number;
}

/** A window of its own: own cookies, own storage. */
export interface Window {
  page: Page;
  context: BrowserContext;
  /** What the browser complained about: errors, refusals of the policy, answers of 500 and more. */
  complaints: string[];
  /** Opens a path below `/console`, logged in or not. */
  open(path: string): Promise<void>;
  /** Writes the key into the form, as people do. */
  login(key: string): Promise<void>;
  /** What axe finds serious or critical. @param rule by this rule alone */
  axe(rule?: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function openWindow(browser: Browser, url: string, look: Look = {}): Promise<Window> {
  const { language = 'en', scheme = 'light', width = 1280, height = 900 } = look;
  const context = await browser.newContext({
    baseURL: url,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    timezoneId: 'UTC',
    colorScheme: scheme,
    // Nothing fades: what is looked for is there at once, and axe measures the final colours.
    reducedMotion: 'reduce',
    viewport: { width, height },
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // The browser itself reports each refused call; what matters is how the page takes it.
    const isRefusal = /the server responded with a status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text());
  });
  page.on('response', (answer) => {
    if (answer.status() >= 500) complaints.push(`${answer.status()} ${answer.url()}`);
  });
  return {
    page,
    context,
    complaints,
    async open(path) {
      await page.goto(`/console${path}`);
    },
    async login(key) {
      await page.getByLabel(/^(Key|密钥)/).fill(key);
      await page.getByRole('button', { name: /^(Log in|登录)$/ }).click();
      await page.getByRole('navigation').waitFor({ state: 'attached' });
    },
    async axe(rule) {
      // No frames are shown: what gathers their results would open a page for each look.
      const { violations } = await new AxeBuilder({ page })
        .setLegacyMode()
        .options({ resultTypes: ['violations'], ...(rule !== undefined && { runOnly: rule }) })
        .analyze();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
    },
    close: () => context.close(),
  };
}

/** Both languages, light and dark: each at least once. */
export const LOOKS: readonly (Look & { name: string })[] = [
  { name: 'English, light', language: 'en', scheme: 'light' },
  { name: 'Chinese, dark', language: 'zh', scheme: 'dark' },
];
