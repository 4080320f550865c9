import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeChange, encodeChange } from './changes.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import { protocolDoc } from './doc.ts';
import { SAMPLES } from './doc-samples.ts';
import { schemaSource, shapesOf } from './doc-schema.ts';
import { vectorsJson } from './doc-vectors.ts';
import { CLOSE_CODES, ERROR_CODES } from './errors.ts';
import { FRAMES, type FrameName } from './frames.ts';
import { decodeClientJson, decodeServerJson, encodeJson } from './json.ts';
import { OP, SCHEMA } from './schema.ts';
import { codeOf } from './testing/code-of.ts';

const file = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

interface Vectors {
  readonly valid: readonly { name: FrameName; from: string; hex: string; json: string; frame: object }[];
  readonly alsoRead: readonly { about: string; from: string; hex: string; sameAs: string }[];
  readonly invalid: readonly { about: string; from: string; hex: string; code: string }[];
  readonly invalidJson: readonly { about: string; from: string; json: string; code: string }[];
  readonly changes: readonly { type: number; hex: string }[];
}
const vectors = JSON.parse(file('protocol/vectors.json')) as Vectors;

/** As the vectors write it: binaries as {"hex": …}. */
const plain = (frame: object): unknown =>
  JSON.parse(
    JSON.stringify(frame, (_, v: unknown) => (v instanceof Uint8Array ? { hex: Buffer.from(v).toString('hex') } : v)),
  );
const decoder = (from: string) => (from === 'server' ? decodeServerFrame : decodeClientFrame);
const jsonDecoder = (from: string) => (from === 'server' ? decodeServerJson : decodeClientJson);

describe('what is made from the table is what is committed (else: build, then node scripts/protocol-docs.mjs)', () => {
  it('protocol/schema.ts', () => {
    expect(file('protocol/schema.ts')).toBe(schemaSource());
    for (const name of Object.keys(FRAMES) as FrameName[]) {
      expect(OP[name]).toBe(FRAMES[name].op);
      expect(SCHEMA[name]).toEqual({ op: OP[name], from: FRAMES[name].from, fields: shapesOf(FRAMES[name].fields) });
      expect(Object.keys(SCHEMA[name].fields)).toEqual(Object.keys(FRAMES[name].fields));
    }
  });
  it('protocol/vectors.json', () => {
    expect(file('protocol/vectors.json')).toBe(vectorsJson());
  });
  it('docs/protocol.md', () => {
    expect(file('docs/protocol.md')).toBe(protocolDoc(file('protocol/protocol.template.md')));
  });
});

describe('the vectors', () => {
  it.each(vectors.valid)('$name means the same as bytes, as JSON and decoded', ({ name, from, hex, json, frame }) => {
    const decoded = decoder(from)(bytesOf(hex));
    expect(plain(decoded)).toEqual(frame);
    expect(jsonDecoder(from)(json)).toEqual(decoded);
    expect(Buffer.from(encodeFrame(decoded)).toString('hex')).toBe(hex);
    expect(encodeJson(decoded)).toBe(json);
    expect(decoded.op).toBe(FRAMES[name].op);
  });
  it.each(vectors.alsoRead)('$about is read', ({ from, hex, sameAs }) => {
    expect(decoder(from)(bytesOf(hex))).toEqual(decoder(from)(bytesOf(sameAs)));
    expect(hex).not.toBe(sameAs);
  });
  it.each(vectors.invalid)('$about is refused', ({ from, hex, code }) => {
    expect(codeOf(() => decoder(from)(bytesOf(hex)))).toBe(code);
  });
  it.each(vectors.invalidJson)('$about is refused in JSON', ({ from, json, code }) => {
    expect(codeOf(() => jsonDecoder(from)(json))).toBe(code);
  });
  it.each(vectors.changes)('change $type means its bytes', ({ hex, ...change }) => {
    const decoded = decodeChange(change.type, bytesOf(hex));
    expect(decoded).toEqual(change);
    expect(Buffer.from(encodeChange(decoded)).toString('hex')).toBe(hex);
  });
});

describe('docs/protocol.md', () => {
  const doc = file('docs/protocol.md');
  it('has every frame, error code and close code', () => {
    for (const [name, { op }] of Object.entries(FRAMES)) expect(doc).toContain(`### \`${name}\` · ${op} ·`);
    for (const code of Object.keys(ERROR_CODES)) expect(doc).toMatch(new RegExp(`\\| \`${code}\` +\\|`));
    for (const { code } of Object.values(CLOSE_CODES)) expect(doc).toMatch(new RegExp(`\\| ${code} +\\|`));
  });
  it('names frames in its prose that exist', () => {
    const words = new Set(doc.match(/`[A-Z][A-Z_]{2,}(?=[`.])/g)?.map((word) => word.slice(1)));
    for (const word of words) expect([...Object.keys(FRAMES), 'LF']).toContain(word);
  });
});

describe('the table', () => {
  it('gives every frame a number of its own below 128, clients below 33, servers from 33', () => {
    const ops = Object.values(FRAMES).map((frame) => frame.op);
    expect(new Set(ops).size).toBe(ops.length);
    for (const { op, from } of Object.values(FRAMES)) {
      expect(op).toBeGreaterThan(0);
      expect(op).toBeLessThan(128);
      expect(op < 33).toBe(from !== 'server');
    }
  });
  it('has a sample of each frame', () => {
    for (const [name, samples] of Object.entries(SAMPLES))
      for (const sample of samples) expect(sample.op).toBe(OP[name as FrameName]);
  });
});
