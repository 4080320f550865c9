import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { main } from './testing/example.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const page = read('../docs/runtime.md');

test('the example of docs/runtime.md prints what the page says', async () => {
  const lines: string[] = [];
  await main((line) => lines.push(line));
  expect(page).toContain(`\`\`\`text\n${lines.join('\n')}\n\`\`\``);
});

test('the example of docs/runtime.md is the file that is run, but for where it is imported from', () => {
  const source = read('./testing/example.ts').replace("'../index.ts'", "'parley-chat/runtime'");
  expect(page).toContain(source.slice(source.indexOf('import {')));
});
