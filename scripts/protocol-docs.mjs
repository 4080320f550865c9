// Writes what is made from the frame table: protocol/schema.ts, docs/protocol.md and protocol/vectors.json. Run it after a build; when
// schema.ts has changed, build and run it again, since the others are written by the codec that runs on it.
import { readFile, writeFile } from 'node:fs/promises';
import { protocolDoc } from '../dist/protocol/doc.js';
import { schemaSource } from '../dist/protocol/doc-schema.js';
import { vectorsJson } from '../dist/protocol/doc-vectors.js';

const path = (name) => new URL(`../${name}`, import.meta.url);
const template = await readFile(path('protocol/protocol.template.md'), 'utf8');
const files = {
  'protocol/schema.ts': schemaSource(),
  'docs/protocol.md': protocolDoc(template),
  'protocol/vectors.json': vectorsJson(),
};
for (const [name, text] of Object.entries(files)) {
  const old = await readFile(path(name), 'utf8').catch(() => '');
  if (old === text) continue;
  await writeFile(path(name), text);
  console.log(`${name} written`);
}
