// Writes schema.ts: the frame table without its prose. Pure; `scripts/protocol-docs.mjs` puts it on disk.
import type { Field, Shape } from './field.ts';
import { FRAMES, type FrameName } from './frames.ts';

const HEADER = `// Made from frames.ts by scripts/protocol-docs.mjs: what the codec needs of the frame table, without its prose, which has no place in
// a browser. A test says when this is stale.
// biome-ignore-all format: one line a frame
import type { Shapes } from './field.ts';
`;

export function shapeOf(field: Field): Shape {
  switch (field.is) {
    case 'bool':
      return { is: field.is };
    case 'nil':
      return { is: field.is, of: shapeOf(field.of) };
    case 'list':
      return { is: field.is, max: field.max, of: shapeOf(field.of) };
    case 'tuple':
      return { is: field.is, of: shapesOf(field.of) };
    default:
      return { is: field.is, max: field.max };
  }
}
export function shapesOf(fields: Readonly<Record<string, Field>>): Record<string, Shape> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, shapeOf(field)]));
}

/** A literal of objects, strings and numbers, with names unquoted. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${literal(one)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

export function schemaSource(): string {
  const names = Object.keys(FRAMES) as FrameName[];
  const ops = names.map((name) => `  ${name}: ${FRAMES[name].op},`);
  const schemas = names.map((name) => {
    const { op, from, fields } = FRAMES[name];
    return `  ${name}: ${literal({ op, from, fields: shapesOf(fields) })},`;
  });
  return `${HEADER}
/** Op numbers by name: \`OP.SEND_MESSAGE\`. */
export const OP = {
${ops.join('\n')}
} as const;

export const SCHEMA: { readonly [N in keyof typeof OP]: { readonly op: number; readonly from: 'client' | 'server' | 'both'; readonly fields: Shapes } } = {
${schemas.join('\n')}
};
`;
}
