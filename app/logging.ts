// Logs: pino behind the `Log` of runtime/env.ts. JSON lines on stderr, never content, never secrets; ids as they are or hashed.
// The one file that knows pino. Started by server.ts.
import { createHmac, randomBytes } from 'node:crypto';
import { type DestinationStream, destination, pino } from 'pino';
import type { Log } from '../runtime/index.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly ids: 'plain' | 'hash';
  /** With ids hashed: the same key on all nodes makes ids comparable between them. Null: one of this process alone. */
  readonly idKey: string | null;
  readonly node: string;
  /** Default: stderr. */
  readonly to?: DestinationStream;
}

/** Fields that name a person, a device or a room. Not `peer`: that is another node. */
const ID_FIELDS: ReadonlySet<string> = new Set([
  'user',
  'users',
  'device',
  'chat',
  'source',
  'key',
  'sender',
  'from',
  'to',
]);
/** Fields that nobody should log; if somebody does, the value goes no further. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'token',
  'secret',
  'body',
  'text',
  'authorization',
  'password',
  'frame',
]);
const HASH_CHARS = 12;

export function createLog(options: LogOptions): Log {
  const key = options.idKey ?? randomBytes(32);
  const hash = (id: string): string =>
    `#${createHmac('sha256', key).update(id).digest('base64url').slice(0, HASH_CHARS)}`;
  const clean = (fields: object): object => {
    const out: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (SECRET_FIELDS.has(name)) out[name] = '(removed)';
      else if (options.ids === 'hash' && ID_FIELDS.has(name)) out[name] = hashed(value, hash);
      else out[name] = value;
    }
    return out;
  };
  const logger = pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    options.to ?? destination({ dest: 2, sync: true }),
  );
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      if (logger.isLevelEnabled(level)) logger[level](clean(fields), message);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function hashed(value: unknown, hash: (id: string) => string): unknown {
  if (typeof value === 'string') return hash(value);
  return Array.isArray(value) ? value.map((one) => hashed(one, hash)) : value;
}
