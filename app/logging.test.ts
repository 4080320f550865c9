// Logs hold no content and no secrets, and ids only as asked.
import { expect, test } from 'vitest';
import { createLog, type LogOptions } from './logging.ts';

function logged(
  options: Partial<LogOptions>,
  write: (log: ReturnType<typeof createLog>) => void,
): Record<string, unknown>[] {
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  write(createLog({ level: 'info', ids: 'plain', idKey: null, node: 'n1', to, ...options }));
  return lines.map((line) => JSON.parse(line));
}

test('a line is JSON with level, time, node and the constant message', () => {
  const [line] = logged({}, (log) => log.warn({ user: 'alice', ms: 3 }, 'slow'));
  expect(line).toMatchObject({ level: 'warn', node: 'n1', user: 'alice', ms: 3, msg: 'slow' });
  expect(Date.parse(String(line?.time))).not.toBeNaN();
});

test('levels below the configured one are not written', () => {
  expect(logged({ level: 'error' }, (log) => log.warn({}, 'x'))).toHaveLength(0);
  expect(logged({ level: 'silent' }, (log) => log.error({}, 'x'))).toHaveLength(0);
});

test('what must not be logged goes no further, even if somebody tries', () => {
  const [line] = logged({}, (log) => log.info({ token: 'eyJ', body: 'hello', frame: [1], code: 'ok' }, 'x'));
  expect(line).toMatchObject({ token: '(removed)', body: '(removed)', frame: '(removed)', code: 'ok' });
});

test('ids are hashed when asked: alike within a key, unlike across keys', () => {
  const write = (log: ReturnType<typeof createLog>) => {
    log.info({ user: 'alice', users: ['alice', 'bob'], from: 1 }, 'x');
    log.info({ user: 'alice', peer: 'n2#4f' }, 'y');
  };
  const [first, second] = logged({ ids: 'hash', idKey: 'k1' }, write);
  const [again] = logged({ ids: 'hash', idKey: 'k1' }, write);
  const [other] = logged({ ids: 'hash', idKey: null }, write);
  expect(JSON.stringify(first)).not.toMatch(/alice|bob/);
  expect(second?.user).toBe(first?.user);
  expect(second?.peer).toBe('n2#4f');
  expect(again?.user).toBe(first?.user);
  expect(other?.user).not.toBe(first?.user);
  expect(first?.from).toBe(1);
});
