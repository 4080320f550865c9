import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraries, FRAME_NAMES } from './arbitraries.ts';
import { encodeFrame } from './codec.ts';
import { FRAMES, type Frame } from './frames.ts';
import { decodeClientJson, decodeServerJson, encodeJson } from './json.ts';
import { CHAT_KIND, TYPE } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { OP } from './schema.ts';
import { codeOf } from './testing/code-of.ts';

const { frameOf } = arbitraries(fc);

const send = (body: Uint8Array): Frame<'SEND_MESSAGE'> => ({
  op: OP.SEND_MESSAGE,
  chat: 'c1',
  id: 'm1',
  type: TYPE.text,
  body,
  about: null,
  after: null,
  retry: false,
});

describe('frames as JSON', () => {
  for (const name of FRAME_NAMES)
    it(`${name} comes back as it went`, () => {
      const decode = FRAMES[name].from === 'server' ? decodeServerJson : decodeClientJson;
      fc.assert(
        fc.property(frameOf(name), (frame) => {
          expect(decode(encodeJson(frame))).toEqual(frame);
        }),
      );
    });

  it('reads as a person would write it', () => {
    expect(encodeJson(send(new TextEncoder().encode('hi')))).toBe('["SEND_MESSAGE","c1","m1",0,"hi",null,null,false]');
  });

  it('shows bytes that are no text as base64, and takes text either way', () => {
    expect(encodeJson(send(Uint8Array.of(0xff, 0)))).toContain('{"b64":"/wA="}');
    const odd = '["SEND_MESSAGE","c1","m1",0,"{\\"b64\\":\\"/wA=\\"}",null,null,false]';
    expect(decodeClientJson(odd)).toEqual(send(new TextEncoder().encode('{"b64":"/wA="}')));
    expect(decodeClientJson('["SEND_MESSAGE","c1","m1",0,{"b64":"aGk="},null,null,false]')).toEqual(
      send(new TextEncoder().encode('hi')),
    );
  });

  it('carries history as nested frames', () => {
    const entry: Frame<'RECEIVE_MESSAGE'> = {
      op: OP.RECEIVE_MESSAGE,
      chat: 'c1',
      seq: 1,
      sender: 'ann',
      device: 'web',
      id: 'm1',
      ts: 0,
      type: 0,
      body: new TextEncoder().encode('hi'),
      about: null,
    };
    const page: Frame<'HISTORY_PAGE'> = {
      op: OP.HISTORY_PAGE,
      ref: 7,
      chat: 'c1',
      from: 1,
      to: 1,
      more: false,
      entries: [encodeFrame(entry)],
    };
    const text = '["HISTORY_PAGE",7,"c1",1,1,false,[["RECEIVE_MESSAGE","c1",1,"ann","web","m1",0,0,"hi",null]]]';
    expect(encodeJson(page)).toBe(text);
    expect(decodeServerJson(text)).toEqual(page);
  });

  it.each([
    ['no JSON', '[', 'bad_frame'],
    ['no array', '{"op":"HEARTBEAT"}', 'bad_frame'],
    ['nothing', '[]', 'bad_frame'],
    ['an unknown op', '["HELO",1]', 'bad_frame'],
    ['a name of every object', '["constructor",1]', 'bad_frame'],
    ['an op by number', '[3,1]', 'bad_frame'],
    ['the wrong way', '["CAUGHT_UP","s"]', 'bad_frame'],
    ['too few fields', '["HEARTBEAT"]', 'bad_frame'],
    ['too many fields', '["HEARTBEAT",1,2]', 'bad_frame'],
    ['a fraction', '["HEARTBEAT",1.5]', 'bad_frame'],
    ['an integer that is not safe', '["HEARTBEAT",9007199254740992]', 'bad_frame'],
    ['an infinite number', '["HEARTBEAT",1e999]', 'bad_frame'],
    ['a negative number', '["HEARTBEAT",-1]', 'bad_frame'],
    ['a number as text', '["HEARTBEAT","1"]', 'bad_frame'],
    ['half a surrogate pair in a text', '["SEND_MESSAGE","c","m",0,"\\ud800",null,null,false]', 'bad_frame'],
    ['base64 with a stray letter', '["SEND_MESSAGE","c","m",0,{"b64":"a*=="},null,null,false]', 'bad_frame'],
    ['base64 without padding', '["SEND_MESSAGE","c","m",0,{"b64":"aGk"},null,null,false]', 'bad_frame'],
    ['base64 with bits left over', '["SEND_MESSAGE","c","m",0,{"b64":"aGl="},null,null,false]', 'bad_frame'],
    ['base64 and more', '["SEND_MESSAGE","c","m",0,{"b64":"aGk=","x":1},null,null,false]', 'bad_frame'],
    ['a deep nest', '['.repeat(30_000) + ']'.repeat(30_000), 'bad_frame'],
    ['too long a frame', ' '.repeat(LIMITS.frameBytesMax + 1), 'too_large'],
  ])('refuses %s', (_, text, code) => {
    expect(codeOf(() => decodeClientJson(text))).toBe(code);
  });

  it('takes minus zero for zero', () => {
    expect(decodeClientJson('["HEARTBEAT",-0]')).toEqual({ op: OP.HEARTBEAT, n: 0 });
  });

  it('never throws anything but a ProtocolError', () => {
    const texts = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .tuple(fc.constantFrom(...FRAME_NAMES), fc.array(fc.jsonValue()))
        .map(([op, rest]) => JSON.stringify([op, ...rest])),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(['none', 'bad_frame', 'too_large']).toContain(codeOf(() => decodeClientJson(text)));
        expect(['none', 'bad_frame', 'too_large']).toContain(codeOf(() => decodeServerJson(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('has room for whatever fits a binary frame', () => {
    const body = new Uint8Array(LIMITS.bodyBytesMax); // zeros: six characters each
    const entry: Frame<'RECEIVE_MESSAGE'> = {
      ...{ op: OP.RECEIVE_MESSAGE, chat: 'c1', seq: 1, sender: 'ann', device: 'web', id: 'm1' },
      ...{ ts: 0, type: CHAT_KIND.direct, body, about: null },
    };
    expect(decodeServerJson(encodeJson(entry))).toEqual(entry);
  });
});
