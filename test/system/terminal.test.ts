// `parley chat` as people meet it: processes in real terminals, against a real `parley dev`, asserted on what stands on the screens.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeUnless } from './describe-unless.ts';
import { DevServer, freePort, PARLEY, Tmux, tmuxMissing, until } from './tmux.ts';

const missing = tmuxMissing();
if (missing !== null) console.warn(`\n!!! The terminal chat is NOT tested: ${missing}.\n`);
const SIZE = { columns: 80, rows: 24 };

describeUnless(missing, 'parley chat in real terminals', () => {
  let dir: string;
  let server: DevServer;
  let tmux: Tmux;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'parley-terminal-'));
    server = new DevServer(await freePort(), join(dir, 'server'));
    await server.start();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  beforeEach(() => {
    tmux = new Tmux(dir);
  });
  afterEach(() => tmux.endAll());

  const command = (user: string, ...more: string[]): string[] => [
    process.execPath,
    PARLEY,
    'chat',
    '--as',
    user,
    '--url',
    server.url,
    '--data',
    join(dir, 'home'),
    ...more,
  ];
  const open = (user: string, ...more: string[]): void => tmux.open(user, command(user, ...more), SIZE);
  const shows = async (user: string, what: RegExp, limitMs?: number): Promise<void> =>
    until(
      `${user} sees ${what}`,
      () => what.test(tmux.pane(user)),
      () => tmux.pane(user),
      limitMs,
    );
  const status = (user: string): string => tmux.lines(user)[0] ?? '';
  const statusShows = async (user: string, what: RegExp): Promise<void> =>
    until(
      `the status line of ${user} says ${what}`,
      () => what.test(status(user)),
      () => tmux.pane(user),
    );
  /** The tick before a message: read is told from delivered by its colour. */
  const tick = (user: string, text: string): string => {
    const line =
      tmux
        .pane(user, true)
        .split('\n')
        .findLast((one) => one.includes(text)) ?? '';
    if (line.includes('\u001b[36m✓✓')) return 'read';
    return /✓✓|✓|◷|✗/.exec(line)?.[0] ?? '';
  };
  const ticks = async (user: string, text: string, what: string): Promise<void> =>
    until(
      `${text} of ${user} has ${what}`,
      () => tick(user, text) === what,
      () => tmux.pane(user),
    );
  /** All words of that form on the screen, in order. */
  const inOrder = (user: string, word: RegExp): string[] => tmux.pane(user).match(word) ?? [];

  test('two people: ticks, typing, presence, last seen, and everything there again after a restart', async () => {
    open('alice', '--to', 'bob');
    await shows('alice', /you began this chat/);
    tmux.say('alice', 'early-word');
    await ticks('alice', 'early-word', '✓'); // bob has never been here

    open('bob', '--to', 'carol'); // looks at another chat: delivered, but not read
    await shows('bob', /\d alice \(\d\)/);
    await ticks('alice', 'early-word', '✓✓');
    tmux.say('bob', '/switch alice');
    await shows('bob', /alice +early-word/);
    await ticks('alice', 'early-word', 'read');
    await statusShows('alice', /bob · online/);

    tmux.type('bob', 'answer-wo');
    await shows('alice', /bob is typing…/);
    tmux.say('bob', 'rd');
    await shows('alice', /bob +answer-word/);
    await ticks('bob', 'answer-word', 'read');
    await until(
      'nobody types',
      () => !tmux.pane('alice').includes('typing'),
      () => tmux.pane('alice'),
    );

    tmux.keys('bob', 'C-c');
    await shows('bob', /\[exit 0\]/);
    await statusShows('alice', /bob · last seen today \d\d:\d\d/);
    tmux.say('alice', 'while-away');
    await ticks('alice', 'while-away', '✓');

    tmux.end('bob');
    open('bob');
    await shows('bob', /while-away/);
    await ticks('alice', 'while-away', 'read');
    const words = /early-word|answer-word|while-away/g;
    await ticks('bob', 'answer-word', 'read'); // known again from the server
    expect(inOrder('bob', words)).toEqual(['early-word', 'answer-word', 'while-away']);
    expect(inOrder('alice', words)).toEqual(['early-word', 'answer-word', 'while-away']);
  });

  test('a group of three: counts, membership, commands and completion', async () => {
    for (const user of ['bea', 'cem']) {
      open(user);
      await statusShows(user, /● online/);
    }
    open('ada', '--group', 'Rowing', '--with', 'bea,cem');
    await shows('ada', /you created “Rowing” with bea and cem/);
    for (const user of ['bea', 'cem']) await shows(user, /ada created “Rowing” with .*you/);
    tmux.say('ada', 'meet-at-six');
    for (const user of ['bea', 'cem']) await shows(user, /ada +meet-at-six/);
    await ticks('ada', 'meet-at-six', 'read');
    tmux.say('bea', 'fine');
    await shows('ada', /bea +fine/);

    tmux.keys('cem', 'C-d');
    await shows('cem', /\[exit 0\]/);
    await statusShows('ada', /3 members, 2 online/);
    tmux.say('ada', 'one-of-two');
    await shows('ada', /✓ +1\/2 one-of-two/);

    tmux.type('ada', '/rena');
    tmux.keys('ada', 'Tab');
    await shows('ada', /^› \/rename$/m);
    tmux.say('ada', 'Sailing');
    await statusShows('bea', /Sailing/);
    tmux.say('ada', '/members');
    await shows('ada', /cem {2}member .*read up to/);
    tmux.say('ada', '/remove cem');
    await shows('bea', /ada removed cem/);
    tmux.say('bea', '/rename Mine');
    await shows('bea', /\(forbidden\)/);
    // What is typed before a command is done goes where the command leads, or nowhere.
    const ahead = ['/to bea', 'just-for-bea', '/switch Sailing', 'for-all-again', '/group Nope', 'for-nobody'];
    tmux.type('ada', ahead.map((line) => `${line}\r`).join(''));
    await shows('ada', /› for-nobody/);
    await shows('bea', /ada +for-all-again/);
    expect(tmux.pane('bea')).not.toMatch(/just-for-bea|for-nobody/);
    tmux.keys('ada', 'C-u');
    tmux.say('bea', '/switch ada');
    await shows('bea', /ada +just-for-bea/);
    tmux.say('ada', '/nope');
    await shows('ada', /there is no \/nope/);
  });

  test('the server goes and comes back: nothing lost, nothing twice, the same order for both', async () => {
    open('dora', '--to', 'emil');
    open('emil', '--to', 'dora');
    for (const user of ['dora', 'emil']) await statusShows(user, /online.*● online/);
    tmux.say('dora', 'word-01');
    tmux.say('emil', 'word-02');
    for (const user of ['dora', 'emil'])
      await until(
        'both words',
        () => inOrder(user, /word-\d\d/g).length === 2,
        () => tmux.pane(user),
      );

    await server.stop();
    for (const user of ['dora', 'emil']) await statusShows(user, /○ (reconnecting|connecting)/);
    await statusShows('dora', /reconnecting in \d+ s…/);
    for (const n of [3, 4, 5]) tmux.say('dora', `word-0${n}`);
    for (const n of [6, 7]) tmux.say('emil', `word-0${n}`);
    await ticks('dora', 'word-05', '◷');
    await shows('dora', /3 messages will go out when online/);
    // One of them leaves and comes back meanwhile: what it said waits on disk.
    tmux.keys('dora', 'C-c');
    await shows('dora', /3 messages could not be sent yet/);
    tmux.end('dora');
    open('dora', '--to', 'emil', '--wait');
    await statusShows('dora', /○/);

    await server.start();
    for (const user of ['dora', 'emil']) await statusShows(user, /● online/);
    const all = Array.from({ length: 7 }, (_, at) => `word-0${at + 1}`);
    for (const user of ['dora', 'emil']) {
      await until(
        `${user} has all`,
        () => all.every((word) => tmux.pane(user).includes(word)),
        () => tmux.pane(user),
      );
    }
    for (const word of ['word-03', 'word-04', 'word-05']) await ticks('dora', word, 'read');
    for (const word of ['word-06', 'word-07']) await ticks('emil', word, 'read');
    const seen = inOrder('dora', /word-\d\d/g);
    expect([...seen].sort()).toEqual(all);
    expect(inOrder('emil', /word-\d\d/g)).toEqual(seen);
    expect(seen.filter((word) => word <= 'word-05' && word >= 'word-03')).toEqual(['word-03', 'word-04', 'word-05']);
    expect(seen.indexOf('word-06')).toBeLessThan(seen.indexOf('word-07'));
  });

  test('a hostile message moves nothing; a paste of many lines is one message; a narrow window holds', async () => {
    open('fay', '--to', 'gus');
    await shows('fay', /you began this chat/);
    const evil = '\u001b[2J\u001b[H\u001b]0;owned\u0007\u009b31mHA\rCK\u202Eend';
    const sent = await plain(command('gus', '--to', 'fay'), `${evil}\n`);
    expect(sent.exit).toBe(0);
    await shows('fay', /␛\[2J␛\[H␛\]0;owned␇.*HA/);
    await statusShows('fay', /gus.*fay/);
    tmux.paste('fay', 'first line\n/quit\nthird 日本語 👨‍👩‍👧 שלום');
    await shows('fay', /› first line\n {2}\/quit\n {2}third/);
    tmux.keys('fay', 'Enter');
    await shows('fay', /you +✓ +first line\n +\/quit\n +third/);
    tmux.resize('fay', 30, 12);
    await until(
      'it fits',
      () => tmux.lines('fay').some((line) => line.startsWith('›')) && /fay/.test(status('fay')),
      () => tmux.pane('fay'),
    );
    for (const line of tmux.lines('fay')) expect([...line].length).toBeLessThanOrEqual(30);
  });

  test('two terminals of one user have two devices, and both show the same', async () => {
    open('hal', '--to', 'ida');
    await shows('hal', /you began this chat/);
    tmux.open('hal2', command('hal', '--to', 'ida'), SIZE);
    await statusShows('hal2', /● online/);
    tmux.say('hal', 'from-the-first');
    await shows('hal2', /you +✓ +from-the-first/);
    tmux.say('hal2', '/devices');
    await shows('hal2', /term-\w+ .*online\n.*term-\w+ .*online/);
  });

  test('plain: lines in, events out, codes at the end', async () => {
    open('kim', '--to', 'lea');
    await shows('kim', /you began this chat/);
    const first = await plain(command('lea', '--to', 'kim', '--plain'), 'from a script\n/nope\n');
    expect(first.exit).toBe(0);
    expect(first.out).toContain('tick m1 sent\n');
    expect(first.out).toContain('# there is no /nope');
    expect(first.err).toContain('DEMO IDENTITY');
    await shows('kim', /lea +from a script/);

    tmux.say('kim', 'hello script');
    await ticks('kim', 'hello script', '✓');
    const second = await plain(command('lea', '--to', 'kim', '--plain', '--follow'), '', (out) =>
      out.includes('hello script'),
    );
    expect(second.out).toMatch(/^<- kim: hello script$/m);
    expect(second.out).not.toContain('from a script');
    expect(second.exit).toBe(0);
    await ticks('kim', 'hello script', 'read');

    const away = command('lea', '--to', 'kim', '--plain').map((word) =>
      word === server.url ? 'ws://127.0.0.1:9' : word,
    );
    const unreachable = await plain(away, 'x\n');
    expect([unreachable.exit, unreachable.out]).toEqual([69, '']);
    expect(unreachable.err).toContain('cannot be reached');
    writeFileSync(join(dir, 'bad.jwt'), 'no.such.token\n');
    const denied = await plain(command('lea', '--token-file', join(dir, 'bad.jwt'), '--plain'), 'x\n');
    expect([denied.exit, denied.out]).toEqual([77, '']);
    expect(denied.err).toContain('(unauthenticated)');
    expect((await plain(command('a b', '--plain'), '')).exit).toBe(64);
  });

  /** Runs to the end of its input, or until `enough` of its output, then SIGTERM. */
  async function plain(words: string[], input: string, enough?: (out: string) => boolean) {
    const [node = '', ...args] = words;
    const child = spawn(node, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += String(data);
    });
    child.stderr.on('data', (data) => {
      err += String(data);
    });
    let exit: number | null = null;
    let ended = false;
    child.once('exit', (code) => {
      exit = code;
      ended = true;
    });
    child.stdin.end(input);
    const seen = (): string => `stdout:\n${out}\nstderr:\n${err}`;
    try {
      if (enough !== undefined) {
        await until('enough was printed', () => ended || enough(out), seen);
        child.kill('SIGTERM');
      }
      await until('it ends', () => ended, seen);
    } finally {
      if (!ended) child.kill('SIGKILL');
    }
    return { exit, out, err };
  }
});
