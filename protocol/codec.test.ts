import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraries, FRAME_NAMES } from './arbitraries.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame, encodeFrameInto } from './codec.ts';
import { FRAMES } from './frames.ts';

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
