import { afterEach, expect, test, vi } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { scriptedClient } from '../testing/scripted-client.ts';
import { Typing } from './typing.ts';

afterEach(() => vi.useRealTimers());

test('is said of one chat at a time, and is over when no key follows', async () => {
  const { client, signIn } = scriptedClient();
  const socket = await signIn();
  vi.useFakeTimers();
  const typing = new Typing(client);
  const said = () => socket.of(OP.TYPING).map(({ chat, on }) => `${chat} ${on}`);
  typing.typed('a');
  typing.typed('b');
  expect(said()).toEqual(['a true', 'a false', 'b true']);
  vi.advanceTimersByTime(4_000);
  expect(said().slice(3)).toEqual(['b false']);
  typing.typed(null);
  expect(said()).toHaveLength(4);
});
