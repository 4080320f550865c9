// A real browser for tests: Chromium from the system, driven by playwright-core, and people who use the demo page in it. Test code.
import { accessSync, constants } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The package of Debian and Ubuntu that brings it. */
export const CHROMIUM_PACKAGE = 'chromium';
const PATHS = [process.env.PARLEY_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function findChromium(): string | null {
  for (const path of PATHS) {
    if (path === undefined || path === '') continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  return null;
}

/** With a user-data-dir of its own, which goes when it is closed. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

export interface Shown {
  readonly text: string;
  readonly own: boolean;
  readonly status: string | null;
  readonly seq: number | null;
}

/** One tab of the demo page, and what its console said that it should not have. */
export class Person {
  readonly name: string;
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: string[] = [];

  private constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      // A server that is gone, or a network that is off, is what these tests are about: the browser reports each attempt.
      const isNetwork = /ERR_(CONNECTION|INTERNET|SOCKET|NETWORK|EMPTY)|WebSocket connection to/.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !isNetwork) this.faults.push(`${name}: ${message.text()}`);
    });
  }

  /** In a browser profile of its own; or in the one of somebody else, as a further tab. */
  static async arrive(
    at: Browser | BrowserContext,
    server: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<Person> {
    const context =
      'newContext' in at ? await at.newContext({ viewport: { width: 1100, height: 720 }, ...options }) : at;
    const page = await context.newPage();
    const person = new Person(name, context, page);
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(`${server}/?as=${name}`);
    await person.isOnline();
    return person;
  }

  async isOnline(): Promise<void> {
    await this.page.locator('.bar').waitFor({ state: 'hidden', timeout: 40_000 });
    await this.page.locator('.side header .about', { hasText: 'online' }).waitFor();
  }

  async openDirect(user: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New chat' }).click();
    await this.page.getByLabel('With whom?').fill(user);
    await this.page.getByRole('button', { name: 'Open', exact: true }).click();
    await this.page.locator('main h2', { hasText: user }).waitFor();
  }

  async makeGroup(title: string, members: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New group' }).click();
    await this.page.getByLabel('Title', { exact: true }).fill(title);
    await this.page.getByLabel('With whom?').fill(members);
    await this.page.getByRole('button', { name: 'Make', exact: true }).click();
    await this.page.locator('main h2', { hasText: title }).waitFor();
  }

  async open(chat: string): Promise<void> {
    await this.page.locator('nav .row', { hasText: chat }).first().click();
    await this.page.locator('main h2', { hasText: chat }).waitFor();
  }

  async say(...texts: readonly string[]): Promise<void> {
    const field = this.page.getByRole('textbox', { name: 'Message' });
    for (const text of texts) {
      await field.fill(text);
      await field.press('Enter');
    }
  }

  /** The messages on the page, from top to bottom. */
  shown(): Promise<Shown[]> {
    return this.page.locator('.message').evaluateAll((rows) =>
      rows.map((row) => ({
        text: row.querySelector('.text')?.textContent ?? '',
        own: row.classList.contains('own'),
        status: row.getAttribute('data-status'),
        seq: row.hasAttribute('data-seq') ? Number(row.getAttribute('data-seq')) : null,
      })),
    );
  }

  async texts(): Promise<string[]> {
    return (await this.shown()).map(({ text }) => text);
  }

  /** How far the own messages are. */
  async statuses(): Promise<string[]> {
    return [...new Set((await this.shown()).filter(({ own }) => own).map(({ status }) => status ?? ''))];
  }
}
