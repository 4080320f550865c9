// `parley token`: make and read bearer tokens with the shared secret of the configuration, or with the demo key of a data directory.
import { authFromConfig } from '../app/auth.ts';
import type { Config } from '../app/config.ts';
import { createTokenVerifier, issueToken } from '../gateway/index.ts';
import { CommandError, type CommandSpec, EXIT, type Invocation, type OptionSpec, text } from './command.ts';
import { readDemoKey, readText } from './files.ts';
import { badConfig, CONFIG_OPTIONS, readSettings } from './settings.ts';

const KEY_OPTIONS: readonly OptionSpec[] = [
  { flags: '--secret-file <file>', about: 'file with the shared secret (auth.secretFile)' },
  { flags: '--data <dir>', about: 'data directory of `parley dev`, for its demo key (node.dataDir)' },
  ...CONFIG_OPTIONS,
];

export const tokenCommand: CommandSpec = {
  name: 'token',
  about: 'Make a token, or say what one is worth.',
  sub: [
    {
      name: 'new',
      about: 'Sign a token and print it.',
      options: [
        { flags: '--user <id>', about: 'whom it is for', required: true },
        { flags: '--device <id>', about: 'the only device it is for' },
        { flags: '--ttl <duration>', about: 'how long it is good: 90s, 15m, 12h or 30d', default: '1h' },
        ...KEY_OPTIONS,
      ],
      examples: [
        'parley token new --user alice --ttl 12h',
        'parley token new --user ci --device bot --secret-file /run/secrets/parley',
      ],
      run: newToken,
    },
    {
      name: 'verify',
      about: 'Check a token as the server would; exit 77 when it is refused.',
      args: [{ name: 'token', about: 'the token; from stdin when left out or -', optional: true }],
      options: KEY_OPTIONS,
      run: verifyToken,
    },
  ],
};

async function newToken({ io, options }: Invocation): Promise<number> {
  const config = readKeySettings({ io, options, args: [] });
  const { secret } = authOf(config);
  if (secret === null) {
    throw new CommandError(
      EXIT.config,
      'there is no shared secret here to sign with',
      'Tokens for public keys are signed by their issuer.',
    );
  }
  const { audience, issuer } = config.auth;
  const user = text(options, 'user') ?? '';
  const ttlSeconds = readDuration(text(options, 'ttl') ?? '');
  try {
    io.out(
      `${await issueToken({ secret, user, device: text(options, 'device'), ttlSeconds, audience, issuer, wallNow: Date.now() })}\n`,
    );
    return EXIT.ok;
  } catch (error) {
    throw new CommandError(EXIT.usage, error instanceof Error ? error.message : 'no token');
  }
}

async function verifyToken(invocation: Invocation): Promise<number> {
  const { io, args } = invocation;
  const given = args[0] === undefined || args[0] === '-' ? await io.stdin() : args[0];
  const verifier = await createTokenVerifier(authOf(readKeySettings(invocation)).options);
  const answer = await verifier.verify(given.trim());
  if ('refused' in answer) throw new CommandError(EXIT.denied, `${answer.refused}: ${answer.about}`);
  const expires = answer.expires === null ? null : new Date(answer.expires).toISOString();
  io.out(`${JSON.stringify({ user: answer.user, device: answer.device, expires })}\n`);
  return EXIT.ok;
}

/** Without a key of one's own, the demo key of the data directory serves. */
function readKeySettings({ io, options }: Invocation): Config {
  const secretFile = text(options, 'secretFile');
  const config = readSettings(io, options);
  if (secretFile !== null) return { ...config, auth: { ...config.auth, secret: null, secretFile } };
  const { secret, secretFile: configured, publicKeys, jwksUrl } = config.auth;
  if (secret !== null || configured !== null || publicKeys.length > 0 || jwksUrl !== null) return config;
  const demo = readDemoKey(config.node.dataDir);
  if (demo === null) return config;
  io.err(`using the demo key of ${config.node.dataDir}\n`);
  return { ...config, auth: { ...config.auth, secret: demo } };
}

function authOf(config: Config): { options: Parameters<typeof createTokenVerifier>[0]; secret: Uint8Array | null } {
  const auth = authFromConfig(config.auth, { files: { readText }, demoAllowed: true, wallNow: Date.now });
  if (!auth.ok) throw badConfig(auth.problems);
  return auth;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const TTL_SECONDS_MAX = 366 * 86_400;

export function readDuration(words: string): number {
  const match = /^(\d{1,7})([smhd])$/.exec(words);
  const seconds = Number(match?.[1]) * (UNIT_SECONDS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds >= 1 && seconds <= TTL_SECONDS_MAX)) {
    throw new CommandError(EXIT.usage, `${words}: a duration is a number with s, m, h or d, up to 366d`);
  }
  return seconds;
}
