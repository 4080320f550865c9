import { expect, test } from 'vitest';
import { RepeatedWarning, WARN_EVERY_MS } from './repeated-warning.ts';
import { TestEnv } from './testing/test-env.ts';

const setup = () => {
  const env = new TestEnv();
  return { env, warning: new RepeatedWarning('it fails', 'it works') };
};

test('a trouble is told at once, then now and then with how often it was met, and once when it is over', () => {
  const { env, warning } = setup();
  for (let round = 0; round < 250; round++) {
    warning.met(env, { about: round });
    env.clockMs += WARN_EVERY_MS / 100;
  }
  for (let round = 0; round < 3; round++) warning.over(env);
  expect(env.lines).toEqual([
    { level: 'warn', fields: { about: 0, times: 1 }, message: 'it fails' },
    { level: 'warn', fields: { about: 100, times: 100 }, message: 'it fails' },
    { level: 'warn', fields: { about: 200, times: 100 }, message: 'it fails' },
    { level: 'info', fields: { times: 49 }, message: 'it works' },
  ]);
});

test('what comes and goes all the time is told no more often, and nothing is over that was not told', () => {
  const { env, warning } = setup();
  warning.over(env);
  expect(env.lines).toEqual([]);
  for (let round = 0; round < 200; round++) {
    warning.met(env, {});
    warning.over(env);
    env.clockMs += WARN_EVERY_MS / 100;
  }
  expect(env.lines.map(({ level }) => level)).toEqual(['warn', 'info', 'warn', 'info']);
});
