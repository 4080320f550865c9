// Who the terminal is to the server: its address, and the token, given by the user or, from `parley dev`, for the asking.
import type { GetToken } from '../client/index.ts';
import { CommandError, EXIT, type OptionValues, text } from './command.ts';
import { DEV_TOKEN_PATH } from './dev.ts';
import { readText } from './files.ts';

const CONNECT_PATH = '/v1/connect';

/** ws or wss, with the path that a server listens on unless another is given. */
export function serverUrl(words: string): URL {
  let url: URL;
  try {
    url = new URL(words.replace(/^http/, 'ws'));
  } catch {
    throw new CommandError(EXIT.usage, `--url ${words}: write it as ws://HOST:PORT or wss://HOST`);
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    throw new CommandError(EXIT.usage, `--url ${words}: ws:// or wss:// is meant`);
  if (url.pathname === '/') url.pathname = CONNECT_PATH;
  return url;
}

export interface Login {
  readonly user: string;
  readonly getToken: GetToken;
  /** A demo identity: anybody may be anybody. */
  readonly demo: boolean;
  /** Why there can be no token at all; then trying again is of no use. */
  fault(): CommandError | null;
}

export function loginOf(options: OptionValues, url: URL): Login {
  const given = text(options, 'token');
  const file = text(options, 'tokenFile');
  const as = text(options, 'as');
  if (given !== null && file !== null) throw new CommandError(EXIT.usage, 'give either --token or --token-file');
  if (given === null && file === null) {
    if (as === null) throw new CommandError(EXIT.usage, 'who are you? --as NAME');
    return demoLogin(as, url);
  }
  // Read again each time, so that whoever refreshes the file refreshes us.
  const read = (): string => (given ?? tokenIn(file ?? '')).trim();
  const user = as ?? subjectOf(read());
  if (user === null) throw new CommandError(EXIT.usage, 'the token does not say whose it is: --as NAME');
  return { user, demo: false, getToken: read, fault: () => null };
}

function tokenIn(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw new CommandError(
      EXIT.config,
      `the token file cannot be read: ${error instanceof Error ? error.message : file}`,
    );
  }
}

/** `sub` of a JWT, unverified: the server says who we are; this is only to find our own outbox. */
function subjectOf(token: string): string | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : null;
    return typeof subject === 'string' && subject !== '' ? subject : null;
  } catch {
    return null;
  }
}

function demoLogin(user: string, url: URL): Login {
  let fault: CommandError | null = null;
  const ask = new URL(url);
  ask.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  ask.pathname = DEV_TOKEN_PATH;
  ask.search = `?user=${encodeURIComponent(user)}`;
  const refused = (exit: number, words: string, hint: string | null = null): CommandError => {
    fault = new CommandError(exit, words, hint);
    return fault;
  };
  const getToken: GetToken = async ({ signal }) => {
    const answer = await fetch(ask, { signal }).catch((error: unknown) => {
      throw new Error(`no answer from ${ask.origin}${causeOf(error)}`);
    });
    if (answer.status === 404 || answer.status === 403)
      throw refused(
        EXIT.denied,
        `${ask.origin} gives no demo tokens, so it is not \`parley dev\` (unauthenticated)`,
        'Sign in with --token-file FILE or --token TOKEN.',
      );
    if (answer.status === 400) throw refused(EXIT.usage, `--as ${user}: ${(await answer.text()).trim()}`);
    const said: unknown = answer.ok ? await answer.json() : null;
    if (typeof said === 'object' && said !== null && 'token' in said && typeof said.token === 'string')
      return said.token;
    throw new Error(`no demo token: HTTP ${answer.status}`);
  };
  return { user, demo: true, getToken, fault: () => fault };
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : null;
  if (cause === null) return '';
  return 'code' in cause ? ` (${String(cause.code)})` : ` (${cause.message})`;
}
