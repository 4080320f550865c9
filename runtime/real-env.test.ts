import { expect, test } from 'vitest';
import { createRealEnv, silentLog } from './index.ts';

const env = createRealEnv(silentLog);

test('ids are 22 characters of base64url, and none comes twice', () => {
  const ids = Array.from({ length: 1_000 }, () => env.id());
  expect(new Set(ids).size).toBe(1_000);
  expect(ids.filter((id) => !/^[\w-]{22}$/.test(id))).toEqual([]);
});

test('the clock for durations never goes back, the wall clock is in whole milliseconds', () => {
  const readings = Array.from({ length: 1_000 }, () => env.now());
  expect(readings.every((now, n) => n === 0 || now >= (readings[n - 1] ?? 0))).toBe(true);
  expect(Number.isInteger(env.wallNow())).toBe(true);
  expect(Math.abs(env.wallNow() - Date.now())).toBeLessThan(1_000);
});

test('a timer runs once, unless it is cleared', async () => {
  const ran: string[] = [];
  env.clearTimer(env.setTimer(() => ran.push('cleared'), 1));
  await new Promise<void>((resolve) => {
    env.setTimer(() => {
      ran.push('kept');
      resolve();
    }, 5);
  });
  expect(ran).toEqual(['kept']);
});

test('random numbers are at least 0 and less than 1', () => {
  const numbers = Array.from({ length: 1_000 }, () => env.random());
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
});
