import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64, toBase64Url } from './base64.ts';
import { directChatId, groupChatId, isChatId, isDeviceId, isMessageId, isUserId } from './ids.ts';
import { LIMITS } from './limits.ts';

const letter = fc.constantFrom(...'ABCXYZabcxyz0189._~:@+-');
const userId = fc.array(letter, { minLength: 1, maxLength: LIMITS.userIdCharsMax }).map((letters) => letters.join(''));

describe('ids', () => {
  it.each([
    [isUserId, LIMITS.userIdCharsMax],
    [isChatId, LIMITS.chatIdCharsMax],
    [isDeviceId, LIMITS.deviceIdCharsMax],
    [isMessageId, LIMITS.messageIdCharsMax],
  ])('have 1 to so many characters of the set (%o, %d)', (is, max) => {
    expect(is('x'.repeat(max))).toBe(true);
    expect(is('AZaz09._~:@+-')).toBe(true);
    for (const not of ['x'.repeat(max + 1), '', ' ', 'a b', 'a/b', 'ä', 'a\u0100', '\0', 7, null, undefined, ['a']])
      expect(is(not)).toBe(false);
  });

  it('of a direct chat are the same in either order, and well formed', () => {
    fc.assert(
      fc.property(userId, userId, (one, other) => {
        const id = directChatId(one, other);
        expect(id).toBe(directChatId(other, one));
        expect(id).toMatch(/^d\.[A-Za-z0-9_-]{24}$/);
        expect(isChatId(id)).toBe(true);
      }),
    );
  });

  it('differ for other users, even where the joined names are alike', () => {
    const pairs = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', 'abc'],
      ['a.b', 'c'],
      ['a', 'b.c'],
    ] as const;
    const ids = pairs.flatMap(([a, b]) => [directChatId(a, b), groupChatId(a, b)]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('can be computed in another language from the description', () => {
    const hash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 24);
    expect(directChatId('bob', 'ann')).toBe(`d.${hash('direct\nann\nbob')}`);
    expect(directChatId('Zoe', 'ann')).toBe(`d.${hash('direct\nZoe\nann')}`);
    expect(groupChatId('ann', 'g1')).toBe(`g.${hash('group\nann\ng1')}`);
  });

  it('are made of ids only', () => {
    expect(() => directChatId('a b', 'c')).toThrow(TypeError);
    expect(() => directChatId('a', '')).toThrow(TypeError);
    expect(() => groupChatId('a', 'x\ny')).toThrow(TypeError);
  });
});

describe('base64', () => {
  it('is that of Node, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  it('has one form for each value; all others are refused', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'AQgw/+=-é'), { maxLength: 8 }), (letters) => {
        const text = letters.join('');
        const bytes = fromBase64(text);
        if (bytes !== null) expect(toBase64(bytes)).toBe(text);
        else expect(Buffer.from(text, 'base64').toString('base64')).not.toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });
});
