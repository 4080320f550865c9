import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraries, FRAME_NAMES } from './arbitraries.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame, encodeFrameInto } from './codec.ts';
import { ProtocolError } from './errors.ts';
import { FRAMES, type Frame } from './frames.ts';
import { LIMITS } from './limits.ts';
import { OP } from './schema.ts';

const { frameOf } = arbitraries(fc);

describe('frames', () => {
  for (const name of FRAME_NAMES) {
    it(`${name} comes back as it went, with its keys in the order of the table`, () => {
      const decode = FRAMES[name].from === 'server' ? decodeServerFrame : decodeClientFrame;
      fc.assert(
        fc.property(frameOf(name), (frame) => {
          const back = decode(encodeFrame(frame));
          expect(back).toEqual(frame);
          expect(Object.keys(back)).toEqual(['op', ...Object.keys(FRAMES[name].fields)]);
        }),
      );
    });

    it(`${name} written into a buffer is what it is alone, or −1 when it does not fit`, () => {
      fc.assert(
        fc.property(frameOf(name), fc.nat(40), (frame, at) => {
          const alone = encodeFrame(frame);
          const out = new Uint8Array(at + alone.length);
          expect(encodeFrameInto(frame, out, at)).toBe(out.length);
          expect(out.subarray(at)).toEqual(alone);
          expect(encodeFrameInto(frame, out.subarray(1), at)).toBe(-1);
        }),
      );
    });
  }
});

describe('encoded frames', () => {
  it('stay as they are while others are encoded, small and large, right and wrong', () => {
    const send = (bytes: number, fill: number): Frame<'SEND_MESSAGE'> => ({
      ...{ op: OP.SEND_MESSAGE, chat: 'c', id: 'm', type: 0, about: null, after: null, retry: false },
      body: new Uint8Array(bytes).fill(fill),
    });
    const sizes = [1, 40, 100, 700, 2_047, 2_049, 8_191, 8_193, 30_000, LIMITS.bodyBytesMax];
    const kept: { bytes: Uint8Array; frame: Frame<'SEND_MESSAGE'> }[] = [];
    for (let i = 0; i < 400; i++) {
      const frame = send(sizes[(i * 7) % sizes.length] ?? 0, i);
      kept.push({ frame, bytes: encodeFrame(frame) });
      expect(() => encodeFrame({ ...frame, id: 'no id' })).toThrow(ProtocolError);
    }
    for (const { bytes, frame } of kept) expect(Buffer.from(decodeBody(bytes)).equals(frame.body)).toBe(true);
  });

  it('give bodies as plain views, also of Buffers in the middle of others', () => {
    const frame = { op: OP.SEND_MESSAGE, chat: 'c', id: 'm', type: 0, about: null, after: null, retry: false } as const;
    const whole = Buffer.concat([Buffer.from('xxx'), encodeFrame({ ...frame, body: Uint8Array.of(1, 2) })]);
    const body = decodeBody(whole.subarray(3));
    expect(body).toEqual(Uint8Array.of(1, 2));
    expect(body.buffer).toBe(whole.buffer);
  });

  function decodeBody(bytes: Uint8Array): Uint8Array {
    const frame = decodeClientFrame(bytes);
    return frame.op === OP.SEND_MESSAGE ? frame.body : new Uint8Array(0);
  }
});
