// The demo page in a real browser, against a real server process: what two people see when all goes well, and when the network, the
// page or the server goes away under them. Needs dist/ and a Chromium; says so when there is none.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { GENEROUS, ServerProcess } from '../chaos/server-process.ts';
import { CHROMIUM_PACKAGE, findChromium, launch, Person } from './browser.ts';
import { describeUnless } from './describe-unless.ts';

const chromium = findChromium();
const why =
  chromium === null
    ? `no Chromium on this machine; install the package ${CHROMIUM_PACKAGE}, or name the program in PARLEY_CHROMIUM`
    : null;
if (why !== null) console.warn(`\n  SKIPPED, so nobody looked at the demo page: ${why}.\n`);

/** A browser beside it keeps the machine busy: presence and typing would be shed, as they should be. */
const PATIENT = {
  ...GENEROUS,
  'pressure.presenceDelayMs': '10000',
  'pressure.signInDelayMs': '10000',
  'pressure.messageDelayMs': '10000',
};
const SLOW = { timeout: 45_000, interval: 100 };
const numbered = (word: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${word} ${i + 1}`);

/** In the page: how many messages its store has, once it has stored all that it was given before. */
async function storedMessages(): Promise<number> {
  const answer = <T>(asked: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  let count = 0;
  for (const { name } of await indexedDB.databases()) {
    const db = await answer(indexedDB.open(name ?? ''));
    count += await answer(db.transaction('messages').objectStore('messages').count());
    db.close();
  }
  return count;
}

describeUnless(why, 'the demo page', () => {
  let browser: Browser;
  let server: ServerProcess;
  const people: Person[] = [];

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(chromium ?? ''), ServerProcess.start(PATIENT)]);
  });
  afterEach(async () => {
    const faults = people.flatMap((person) => person.faults);
    for (const { context } of people.splice(0)) await context.close();
    expect(faults, 'the console, and the security policy').toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.dispose();
  });

  /** Names are of one test only: the server is for all. */
  async function arrive(...names: readonly string[]): Promise<Person[]> {
    const arrived = await Promise.all(names.map((name) => Person.arrive(browser, server.http, name)));
    people.push(...arrived);
    return arrived;
  }
  async function pair(one: string, other: string): Promise<[Person, Person]> {
    const [a, b] = (await arrive(one, other)) as [Person, Person];
    await a.openDirect(other);
    await a.say('first');
    await b.open(one);
    await expect.poll(() => b.texts(), SLOW).toEqual(['first']);
    return [a, b];
  }
  /** All of both, each once, in the same order for both. */
  async function agree(a: Person, b: Person, expected: readonly string[]): Promise<void> {
    await expect.poll(async () => (await a.texts()).sort(), SLOW).toEqual([...expected].sort());
    await expect.poll(() => b.texts(), SLOW).toEqual(await a.texts());
    expect([...(await a.texts())].sort()).toEqual([...expected].sort());
    const order = (await a.shown()).map(({ seq }) => seq ?? 0);
    expect(order).toEqual([...order].sort((x, y) => x - y));
  }
  const onlyOf = (texts: readonly string[], word: string): string[] => texts.filter((text) => text.startsWith(word));

  test('two people chat both ways, see each other online and typing, and ticks reach read', async () => {
    const [alice, bob] = await pair('alice', 'bob');
    await bob.say('hello alice', 'how are you?');
    await alice.say('fine');
    await agree(alice, bob, ['first', 'hello alice', 'how are you?', 'fine']);
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read']);
    await expect.poll(() => bob.statuses(), SLOW).toEqual(['read']);
    await expect.poll(() => alice.page.locator('main header .about').textContent(), SLOW).toBe('online');

    const field = bob.page.getByRole('textbox', { name: 'Message' });
    // A busy server sheds what is only typing: a person goes on.
    const seen = async (): Promise<string | null> => {
      await field.press('x');
      return await alice.page.locator('main header .about').textContent();
    };
    await expect.poll(seen, { ...SLOW, interval: 250 }).toBe('typing…');
    await field.fill('');
    await expect.poll(() => alice.page.locator('main header .about').textContent(), SLOW).toBe('online');
  });

  test('unread messages are counted until they are looked at', async () => {
    const [alice, bob] = await pair('alice2', 'bob2');
    await bob.page.getByRole('button', { name: 'New chat' }).press('Enter');
    await bob.page.keyboard.press('Escape');
    await bob.openDirect('somebody');
    await alice.say('one', 'two');
    await expect.poll(() => bob.page.locator('nav .badge').textContent(), SLOW).toBe('2');
    await expect.poll(() => bob.page.title(), SLOW).toBe('(2) bob2 · Parley');
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read', 'delivered']);
    await bob.open('alice2');
    await expect.poll(() => bob.page.locator('nav .badge').count(), SLOW).toBe(0);
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read']);
  });

  test('offline for a while: nothing lost, nothing twice, order kept', async () => {
    const [alice, bob] = await pair('alice3', 'bob3');
    await bob.context.setOffline(true);
    await expect.poll(() => bob.page.locator('.bar').textContent(), SLOW).toContain('Offline');
    await alice.say(...numbered('a', 20));
    await bob.say(...numbered('b', 5));
    expect(onlyOf(await alice.texts(), 'b')).toEqual([]);
    expect(await bob.statuses()).toEqual(['queued']);
    await bob.context.setOffline(false);
    await agree(alice, bob, ['first', ...numbered('a', 20), ...numbered('b', 5)]);
    for (const one of [alice, bob]) {
      expect(onlyOf(await one.texts(), 'a')).toEqual(numbered('a', 20));
      expect(onlyOf(await one.texts(), 'b')).toEqual(numbered('b', 5));
      await expect.poll(() => one.statuses(), SLOW).toEqual(['read']);
    }
  });

  test('a page that is reloaded still has its history, and what waited in the outbox', async () => {
    const [alice, bob] = await pair('alice4', 'bob4');
    await bob.say('before');
    await agree(alice, bob, ['first', 'before']);
    const device = await alice.page.evaluate(() => JSON.stringify(sessionStorage));
    await alice.context.setOffline(true);
    await alice.say(...numbered('kept', 3));
    await expect.poll(() => alice.statuses(), SLOW).toContain('queued');
    // Shown at once, stored a moment later: as long as a slow disk takes.
    expect(await alice.page.evaluate(storedMessages)).toBe(3);
    const address = alice.page.url();
    await alice.page.goto('about:blank');
    expect(onlyOf(await bob.texts(), 'kept')).toEqual([]);
    await alice.context.setOffline(false);
    await alice.page.goto(address);
    await agree(alice, bob, ['first', 'before', ...numbered('kept', 3)]);
    expect(onlyOf(await bob.texts(), 'kept')).toEqual(numbered('kept', 3));
    expect(await alice.page.evaluate(() => JSON.stringify(sessionStorage))).toBe(device);
    await alice.page.reload();
    await agree(alice, bob, ['first', 'before', ...numbered('kept', 3)]);
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read']);
  });

  test('a server that is killed and started again under them loses nothing', async () => {
    const [alice, bob] = await pair('alice5', 'bob5');
    await alice.say(...numbered('early', 5));
    await server.kill();
    await expect.poll(() => alice.page.locator('.bar').textContent(), SLOW).toMatch(/Reconnecting|Connecting/);
    await alice.say(...numbered('a', 5));
    await bob.say(...numbered('b', 5));
    await server.run();
    await Promise.all([alice.isOnline(), bob.isOnline()]);
    await bob.say('after');
    await agree(alice, bob, ['first', ...numbered('early', 5), ...numbered('a', 5), ...numbered('b', 5), 'after']);
    expect(onlyOf(await bob.texts(), 'a ')).toEqual(numbered('a', 5));
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read']);
  });

  test('two tabs of one user are two devices, and both have everything', async () => {
    const [alice, bob] = await pair('alice6', 'bob6');
    const second = await Person.arrive(alice.context, server.http, 'alice6');
    people.push(second);
    const deviceOf = (one: Person): Promise<string> => one.page.evaluate(() => JSON.stringify(sessionStorage));
    expect(await deviceOf(second)).not.toBe(await deviceOf(alice));
    await second.open('bob6');
    await alice.say('from the first tab');
    await second.say('from the second tab');
    await bob.say('to both');
    const all = ['first', 'from the first tab', 'from the second tab', 'to both'];
    await agree(alice, bob, all);
    await agree(second, bob, all);
    expect((await second.shown()).map(({ own }) => own)).toEqual((await alice.shown()).map(({ own }) => own));
  });

  test('a group: counted ticks, members added and removed, a new title, and leaving', async () => {
    const [alice, bob, carol] = (await arrive('alice7', 'bob7', 'carol7')) as [Person, Person, Person];
    await alice.makeGroup('Rope team', 'bob7');
    await alice.say('who comes?');
    await bob.open('Rope team');
    await bob.say('me');
    await alice.page.getByRole('button', { name: 'Members of the group' }).click();
    await alice.page.getByLabel('Names to add').fill('carol7');
    await alice.page.getByRole('button', { name: 'Add', exact: true }).click();
    await carol.page.locator('nav .row', { hasText: 'Rope team' }).waitFor();
    await alice.say('welcome');
    const tick = alice.page.locator('.message.own').last().locator('.tick');
    await expect.poll(() => tick.getAttribute('aria-label'), SLOW).toBe('delivered to 2, read by 1 of 2 members');
    await carol.open('Rope team');
    await expect.poll(() => carol.texts(), SLOW).toEqual(['welcome']); // what was before her is not hers
    await expect.poll(() => alice.statuses(), SLOW).toEqual(['read']);

    await alice.page.getByLabel('Title of the group').fill('Summit team');
    await alice.page.getByRole('button', { name: 'Rename' }).click();
    await bob.page.locator('main h2', { hasText: 'Summit team' }).waitFor();
    await alice.page.getByRole('button', { name: 'Remove bob7' }).click();
    await expect.poll(() => bob.page.getByRole('textbox', { name: 'Message' }).isDisabled(), SLOW).toBe(true);
    await carol.page.getByRole('button', { name: 'Members of the group' }).click();
    await carol.page.getByRole('button', { name: 'Leave the group' }).click();
    await carol.page.getByRole('button', { name: 'Leave: sure?' }).click();
    await expect.poll(() => alice.page.locator('.change').last().textContent(), SLOW).toBe('carol7 left');
  });

  test('history comes while one scrolls up, in order and each once', async () => {
    const [alice] = await pair('alice8', 'bob8');
    await alice.say(...numbered('line', 150));
    await expect.poll(async () => (await alice.statuses()).includes('queued'), SLOW).toBe(false);
    const [later] = (await arrive('bob8')) as [Person];
    await later.open('alice8');
    await expect.poll(async () => (await later.texts()).at(-1), SLOW).toBe('line 150');
    expect((await later.texts()).length).toBeLessThan(120);
    const up = async (): Promise<number> => {
      await later.page.locator('.log').evaluate((log) => log.scrollBy(0, -2_000));
      return (await later.texts()).length;
    };
    await expect.poll(up, SLOW).toBe(151);
    expect(await later.texts()).toEqual(['first', ...numbered('line', 150)]);
  });

  test('what a person writes is text and nothing else', async () => {
    const [alice, bob] = await pair('alice9', 'bob9');
    const texts = ['<img src=x onerror=alert(1)>', '<script>alert(2)</script>', 'שלום 🎉 &amp; "quotes"', 'a\u202eb'];
    await alice.say(...texts);
    await agree(alice, bob, ['first', ...texts]);
    expect(await bob.page.locator('.log img, .log script').count()).toBe(0);
  });
});
