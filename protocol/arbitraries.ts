// Random frames for tests, made from the frame table, so that a new frame is tested without a word. The caller brings fast-check: this
// file is compiled with the rest, which imports no package. Not part of the door.
import type fastCheck from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { encodeFrame } from './codec.ts';
import type { Field } from './field.ts';
import { type ClientFrame, FRAMES, type FrameName, type ServerFrame } from './frames.ts';

export const FRAME_NAMES = Object.keys(FRAMES) as FrameName[];
const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@+-';

export interface Arbitraries {
  readonly frameOf: (name: FrameName) => Arbitrary<ClientFrame | ServerFrame>;
  readonly anyFrame: Arbitrary<ClientFrame | ServerFrame>;
}

export function arbitraries(fc: typeof fastCheck): Arbitraries {
  /** Integers that sit at the edges of MessagePack's widths as often as anywhere else. */
  const uintUpTo = (max: number): Arbitrary<number> => {
    const edges = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 48, max].filter(
      (n) => n <= max,
    );
    return fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max }));
  };
  const idUpTo = (max: number): Arbitrary<string> =>
    fc.array(fc.constantFrom(...ID_LETTERS), { minLength: 1, maxLength: max }).map((letters) => letters.join(''));
  /** Well-formed text of any plane, of at most `max` UTF-16 units. */
  const textUpTo = (max: number): Arbitrary<string> =>
    fc
      .oneof(
        fc.string({ maxLength: Math.min(max, 80) }),
        fc.string({ unit: 'binary', maxLength: Math.min(max >> 1, 80) }),
      )
      .filter((text) => text.length <= max);
  const binary = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => new TextEncoder().encode(text)),
  );

  const arbitraryOf = (field: Field): Arbitrary<unknown> => {
    switch (field.is) {
      case 'uint':
        return uintUpTo(field.max);
      case 'bool':
        return fc.boolean();
      case 'str':
        return textUpTo(field.max);
      case 'id':
        return idUpTo(field.max);
      case 'bin':
        return binary;
      case 'nil':
        return fc.option(arbitraryOf(field.of), { nil: null });
      case 'list':
        return fc.array(arbitraryOf(field.of), { maxLength: Math.min(field.max, 20) });
      case 'tuple':
        return recordOf(field.of);
      case 'frames':
        return fc.array(
          frameOf('RECEIVE_MESSAGE').map((entry) => encodeFrame(entry)),
          { maxLength: 5 },
        );
    }
  };
  const recordOf = (fields: Readonly<Record<string, Field>>): Arbitrary<Record<string, unknown>> =>
    fc.record(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, arbitraryOf(field)])), {
      noNullPrototype: true,
    });
  const frameOf = (name: FrameName): Arbitrary<ClientFrame | ServerFrame> =>
    recordOf(FRAMES[name].fields).map(
      (fields) => ({ op: FRAMES[name].op, ...fields }) as unknown as ClientFrame | ServerFrame,
    );
  return { frameOf, anyFrame: fc.oneof(...FRAME_NAMES.map(frameOf)) };
}
