// `parley chat`: a chat in the terminal, and, with --plain or in a pipe, for scripts. Starts a client on a device of its own, waits
// for the first sign-in, and ends with its outbox flushed.
import type { ReadStream, WriteStream } from 'node:tty';
import { type ClientState, connect, type ParleyClient } from '../client/index.ts';
import { isChatId, isDeviceId, isUserId } from '../protocol/index.ts';
import { type DeviceHome, defaultDataDir, openHome } from './chat-home.ts';
import { type Login, loginOf, serverUrl } from './chat-login.ts';
import { PlainView, readLines } from './chat-plain.ts';
import { ChatScreen } from './chat-screen.ts';
import { ChatSession, type SessionEvents, unsentWords } from './chat-session.ts';
import { counted, errorWords, localClock, stoppedWords } from './chat-words.ts';
import {
  CommandError,
  type CommandSpec,
  EXIT,
  type Invocation,
  type Io,
  type OptionValues,
  paint,
  text,
  texts,
} from './command.ts';
import { cleanLine } from './terminal-text.ts';
import { packageVersion } from './version.ts';

const FLUSH_MS = { screen: 2_000, plain: 10_000 } as const;

export const chatCommand: CommandSpec = {
  name: 'chat',
  about: 'Chat in the terminal.',
  options: [
    { flags: '--as <name>', about: 'who you are' },
    { flags: '--url <url>', about: 'the server', default: 'ws://127.0.0.1:7400' },
    { flags: '--token <token>', about: 'bearer token; without one, a demo identity of `parley dev`' },
    { flags: '--token-file <file>', about: 'file with the token, read again when it runs out' },
    { flags: '--device <name>', about: 'name of this device; default: a free one of this user' },
    { flags: '--data <dir>', about: 'where device and outbox are kept; default $XDG_STATE_HOME/parley or ~/.parley' },
    { flags: '--to <user>', about: 'chat with this user' },
    { flags: '--group <title>', about: 'chat in the group of this title; made if there is none' },
    { flags: '--with <users>', about: 'members of a new group, with commas in between' },
    { flags: '--chat <id>', about: 'open this chat' },
    { flags: '--plain', about: 'one line per event; so too when stdout is no terminal' },
    { flags: '--follow', about: 'plain: stay when the input ends' },
    { flags: '--wait', about: 'keep trying when the server cannot be reached at first' },
  ],
  examples: [
    'parley chat --as alice --to bob',
    'parley chat --as alice --group Team --with bob,carol',
    'echo "build is green" | parley chat --url wss://chat.example --token-file ci.jwt --to bob',
  ],
  run: chat,
};

interface Front {
  readonly view: SessionEvents & { begin(session: ChatSession): void };
  readonly screen: ChatScreen | null;
  readonly plain: PlainView | null;
}

async function chat({ io, options }: Invocation): Promise<number> {
  const url = serverUrl(text(options, 'url') ?? '');
  const login = loginOf(options, url);
  checkNames(options, login.user);
  const dataDir = text(options, 'data') ?? defaultDataDir(io.env);
  const home = openHome(dataDir, url.host, login.user, text(options, 'device'));
  // Whatever ends the process, the device is free for the next one.
  const release = (): void => home.release();
  process.once('exit', release);
  try {
    return await chatAtHome(io, options, url, login, home);
  } finally {
    release();
    process.off('exit', release);
  }
}

function checkNames(options: OptionValues, user: string): void {
  const wrong = (flag: string, value: string): CommandError =>
    new CommandError(EXIT.usage, `${flag} ${value}: letters, digits and . _ ~ : @ + - are allowed`);
  const device = text(options, 'device');
  const to = text(options, 'to');
  const chatId = text(options, 'chat');
  if (!isUserId(user)) throw wrong('--as', user);
  if (device !== null && !isDeviceId(device)) throw wrong('--device', device);
  if (to !== null && !isUserId(to)) throw wrong('--to', to);
  if (chatId !== null && !isChatId(chatId)) throw wrong('--chat', chatId);
  for (const one of membersOf(options)) if (!isUserId(one)) throw wrong('--with', one);
  const targets = ['to', 'group', 'chat'].filter((name) => text(options, name) !== null);
  if (targets.length > 1)
    throw new CommandError(EXIT.usage, `give one of ${targets.map((name) => `--${name}`).join(' and ')}`);
}
const membersOf = (options: OptionValues): string[] =>
  texts(options, 'with')
    .flatMap((words) => words.split(/[\s,]+/))
    .filter((word) => word !== '');

async function chatAtHome(io: Io, options: OptionValues, url: URL, login: Login, home: DeviceHome): Promise<number> {
  const { stdin, stdout } = process;
  const plainly = options.plain === true || stdout.isTTY !== true || stdin.isTTY !== true;
  const clock = localClock(Date.now);
  const front = plainly ? plainFront(io) : screenFront(stdin, stdout, !io.env.NO_COLOR && io.env.TERM !== 'dumb');
  const client = connect(url.href, {
    device: home.device,
    store: home.store,
    getToken: login.getToken,
    agent: `parley-chat/${packageVersion()}`,
  });
  // Also when something throws where nobody looks: a terminal left in raw mode is of no use to anybody.
  process.once('exit', () => front.screen?.close());
  const session = new ChatSession(client, login.user, front.view, Date.now);
  session.model.demo = login.demo;
  front.view.begin(session);
  for (const waiting of client.outbox()) {
    const stored = home.unsent().find(({ id }) => id === waiting.id);
    session.follow(waiting, stored === undefined ? '' : new TextDecoder().decode(stored.body));
  }
  if (login.demo) io.err(`${paint(io, 'yellow', 'DEMO IDENTITY:')} anybody may be ${login.user} on this server.\n`);
  if (home.elsewhere > 0)
    io.err(`${counted(home.elsewhere, 'message')} of another terminal still wait; one more terminal sends them.\n`);
  const stop = stopOf(io, client, login);
  try {
    if (options.wait !== true) await firstSignIn(client, login, url, stop.end);
    const refused = stop.fault();
    if (refused !== null) throw refused;
    front.screen?.open();
    const target = openTarget(session, options, home)
      .catch((error: unknown) => {
        if (front.plain !== null) throw error;
        session.notice(errorWords(error));
      })
      .finally(() => front.screen?.targetDone());
    if (front.plain !== null) {
      await Promise.race([target, stop.end]);
      const ended = await readLines(stdin, session, front.plain, clock, stop.signal);
      if (ended && options.follow === true) await stop.end;
    } else if (front.screen !== null) await Promise.race([front.screen.ended, stop.end]);
  } catch (error) {
    front.screen?.close();
    await session.close(0);
    throw error instanceof CommandError ? error : new CommandError(exitOf(error), errorWords(error));
  }
  front.screen?.close();
  return await leave(io, session, home, front, stop);
}

const plainFront = (io: Io): Front => {
  const plain = new PlainView(
    (line) => io.out(line),
    (line) => io.err(line),
  );
  return { view: plain, plain, screen: null };
};
const screenFront = (stdin: ReadStream, stdout: WriteStream, colour: boolean): Front => {
  const screen = new ChatScreen(stdin, stdout, colour, localClock(Date.now));
  return { view: screen, screen, plain: null };
};

async function leave(io: Io, session: ChatSession, home: DeviceHome, front: Front, stop: Stop): Promise<number> {
  const { active } = session.model;
  if (active !== null) home.keepLastChat(active);
  const { unsent } = await session.close(front.plain === null ? FLUSH_MS.screen : FLUSH_MS.plain);
  process.stdin.destroy(); // a pipe that stays open must not keep us
  if (unsent > 0) io.err(`${unsentWords(unsent)}\n`);
  const fault = stop.fault();
  if (fault !== null) throw fault;
  if (front.plain === null) return EXIT.ok;
  if (front.plain.failed > 0) return EXIT.failed;
  return unsent > 0 ? EXIT.timeout : EXIT.ok;
}

// —— the connection ——

interface Stop {
  /** A signal came, or the server sent us away. */
  readonly end: Promise<void>;
  readonly signal: AbortSignal;
  fault(): CommandError | null;
}

function stopOf(io: Io, client: ParleyClient, login: Login): Stop {
  const abort = new AbortController();
  let fault: CommandError | null = null;
  const end = new Promise<void>((resolve) => {
    abort.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  void io.stopAsked().then(() => abort.abort());
  client.on('state', (state) => {
    if (state.is === 'online' && state.user !== login.user)
      fault = new CommandError(
        EXIT.denied,
        `the token is of ${cleanLine(state.user)}, not of ${login.user} (unauthenticated)`,
      );
    else if (state.is === 'stopped' && state.reason !== 'closed') fault = stoppedFault(state);
    else if (state.is === 'reconnecting') fault = login.fault();
    if (fault !== null) abort.abort();
  });
  return { end, signal: abort.signal, fault: () => fault };
}

function stoppedFault({ reason }: Extract<ClientState, { is: 'stopped' }>): CommandError {
  const denied = ['unauthenticated', 'revoked', 'tooMany', 'too_many_devices', 'wrong_store'].includes(reason);
  return new CommandError(denied ? EXIT.denied : EXIT.failed, `the chat ended: ${cleanLine(stoppedWords(reason))}`);
}

/** The first attempt decides; afterwards the client comes back by itself. */
async function firstSignIn(client: ParleyClient, login: Login, url: URL, stopped: Promise<void>): Promise<void> {
  const first = new Promise<void>((resolve, reject) => {
    const off = client.on('state', (state) => {
      if (state.is === 'connecting') return;
      off();
      if (state.is !== 'reconnecting')
        resolve(); // `stopOf` knows what to say of a stop
      else
        reject(
          login.fault() ??
            new CommandError(
              EXIT.unreachable,
              `the server at ${url.host} cannot be reached: ${cleanLine(state.reason.replace(/^getToken: /, ''))} (unavailable)`,
              'Is `parley dev` running? --url names another server; --wait keeps trying.',
            ),
        );
    });
  });
  await Promise.race([first, stopped]);
}

const DENIED = new Set(['forbidden', 'not_member', 'blocked', 'unauthenticated', 'revoked']);
function exitOf(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (DENIED.has(code)) return EXIT.denied;
  return code === 'timeout' ? EXIT.timeout : EXIT.failed;
}

/** What the user named; else what was open last, else what there is. */
async function openTarget(session: ChatSession, options: OptionValues, home: DeviceHome): Promise<void> {
  const to = text(options, 'to');
  const group = text(options, 'group');
  const id = text(options, 'chat');
  if (to !== null) await session.openDirect(to);
  else if (group !== null) await session.openGroup(group, membersOf(options));
  else if (id !== null) session.open(id);
  else {
    const chats = await session.refresh();
    const last = home.lastChat();
    const chosen = chats.find(({ chat: known }) => known === last) ?? (chats.length === 1 ? chats[0] : undefined);
    if (chosen !== undefined && session.model.active === null) session.open(chosen.chat);
  }
}
