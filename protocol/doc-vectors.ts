// Writes vectors.json: frames with their bytes, their JSON and their meaning, right and wrong, for those who write a client. Pure.
import { type Change, encodeChange } from './changes.ts';
import { encodeFrame } from './codec.ts';
import { SAMPLES } from './doc-samples.ts';
import type { ErrorCode } from './errors.ts';
import { type ClientFrame, FRAMES, type FrameName, type ServerFrame } from './frames.ts';
import { directChatId, groupChatId } from './ids.ts';
import { encodeJson } from './json.ts';
import { TYPE } from './kinds.ts';
import { LIMITS } from './limits.ts';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** Binaries as {"hex": …}. */
const plain = (frame: object): unknown =>
  JSON.parse(JSON.stringify(frame, (_, v: unknown) => (v instanceof Uint8Array ? { hex: hex(v) } : v)));

interface Valid {
  readonly name: FrameName;
  readonly from: string;
  readonly hex: string;
  readonly json: string;
  readonly frame: unknown;
}
const valid = (name: FrameName, frame: ClientFrame | ServerFrame): Valid => ({
  name,
  from: FRAMES[name].from,
  hex: hex(encodeFrame(frame)),
  json: encodeJson(frame),
  frame: plain(frame),
});

/** Bytes that we would not write, and that mean the same as bytes that we would. */
const ALSO_READ: readonly (readonly [about: string, from: 'client' | 'server', hex: string, same: string])[] = [
  ['a 64-bit integer for a small one', 'client', '9203cf0000000000000007', '920307'],
  ['a float that is a whole number', 'client', '9203cb401c000000000000', '920307'],
  ['a signed integer', 'client', '9203d007', '920307'],
  ['a long array header', 'client', 'dc00020307', '920307'],
  ['an optional field at the end left out', 'server', '922b04', '932b04c0'],
  ['a long string header', 'client', '9306da00016301', '9306a16301'],
];

const INVALID: readonly (readonly [about: string, from: 'client' | 'server', hex: string, code: ErrorCode])[] = [
  ['no bytes', 'client', '', 'bad_frame'],
  ['not an array', 'client', 'c0', 'bad_frame'],
  ['an empty array', 'client', '90', 'bad_frame'],
  ['an unknown op', 'client', '917f', 'bad_frame'],
  ['an op by name', 'client', '92a948454152544245415407', 'bad_frame'],
  ['a frame that only servers send', 'client', hex(encodeFrame(SAMPLES.CAUGHT_UP[0])), 'bad_frame'],
  ['a frame that only clients send', 'server', hex(encodeFrame(SAMPLES.READ[0])), 'bad_frame'],
  ['a field missing', 'client', '9103', 'bad_frame'],
  ['a field too many', 'client', '930307c0', 'bad_frame'],
  ['bytes after the frame', 'client', '920307c0', 'bad_frame'],
  ['bytes missing', 'client', '9203cd01', 'bad_frame'],
  ['a negative number', 'client', '9203ff', 'bad_frame'],
  ['a fraction', 'client', '9203cb3ff8000000000000', 'bad_frame'],
  ['not a number', 'client', '9203cb7ff8000000000000', 'bad_frame'],
  ['an integer of over 2^53 − 1', 'client', '9203cf0020000000000000', 'bad_frame'],
  ['text for a number', 'client', '9203a137', 'bad_frame'],
  ['nil for a number', 'client', '9203c0', 'bad_frame'],
  ['an extension type', 'client', '9203d40007', 'bad_frame'],
  ['a map', 'client', '920380', 'bad_frame'],
  ['an empty id', 'client', '9306a001', 'bad_frame'],
  ['an id with a space', 'client', '9306a361206201', 'bad_frame'],
  ['an id that is too long', 'client', `9306d941${'61'.repeat(LIMITS.chatIdCharsMax + 1)}01`, 'bad_frame'],
  ['a list that claims more than is there', 'client', '9205dd00000fff', 'bad_frame'],
  ['a list that claims four thousand million items', 'client', '9205ddffffffff', 'bad_frame'],
  ['text that is not UTF-8', 'server', '9229a2c328', 'bad_frame'],
  ['text that is too long', 'server', `9229d941${'61'.repeat(65)}`, 'too_large'],
  ['a body that claims four gigabytes', 'client', '9804a163a16d00c6ffffffff', 'too_large'],
  ['a list of too many', 'client', `9205dc0041${'92a16301'.repeat(LIMITS.acksPerFrameMax + 1)}`, 'too_large'],
];

const INVALID_JSON: readonly (readonly [about: string, from: 'client' | 'server', json: string, code: ErrorCode])[] = [
  ['not JSON', 'client', '["HEARTBEAT",', 'bad_frame'],
  ['an op by number', 'client', '[3,7]', 'bad_frame'],
  ['a fraction', 'client', '["HEARTBEAT",1.5]', 'bad_frame'],
  ['a number as text', 'client', '["HEARTBEAT","7"]', 'bad_frame'],
  ['a field missing', 'client', '["HEARTBEAT"]', 'bad_frame'],
  ['base64 without padding', 'client', '["SEND_MESSAGE","c","m",0,{"b64":"aGk"},null,null,false]', 'bad_frame'],
  ['half a surrogate pair', 'client', '["SEND_MESSAGE","c","m",0,"\\ud800",null,null,false]', 'bad_frame'],
];

const CHANGES: readonly Change[] = [
  {
    type: TYPE.created,
    kind: 1,
    title: 'Alps',
    members: [
      ['ann', 2],
      ['bob', 0],
    ],
  },
  { type: TYPE.added, users: ['cy', 'dan'] },
  { type: TYPE.removed, users: ['cy'] },
  { type: TYPE.left },
  { type: TYPE.role, users: ['bob'], role: 1 },
  { type: TYPE.renamed, title: 'Alps 2026' },
];

/** One object a line, so that a change of the protocol is a change of few lines. */
export function vectorsJson(): string {
  const names = Object.keys(FRAMES) as FrameName[];
  const sections: Readonly<Record<string, readonly unknown[]>> = {
    valid: names.flatMap((name) => SAMPLES[name].map((frame) => valid(name, frame))),
    alsoRead: ALSO_READ.map(([about, from, bytes, same]) => ({ about, from, hex: bytes, sameAs: same })),
    invalid: INVALID.map(([about, from, bytes, code]) => ({ about, from, hex: bytes, code })),
    invalidJson: INVALID_JSON.map(([about, from, json, code]) => ({ about, from, json, code })),
    changes: CHANGES.map((change) => ({ ...change, hex: hex(encodeChange(change)) })),
    chatIds: [
      { kind: 'direct', users: ['ann', 'bob'], chat: directChatId('ann', 'bob') },
      { kind: 'direct', users: ['bob', 'Zoe'], chat: directChatId('bob', 'Zoe') },
      { kind: 'direct', users: ['ann', 'ann'], chat: directChatId('ann', 'ann') },
      { kind: 'group', user: 'ann', id: 'alps-1', chat: groupChatId('ann', 'alps-1') },
    ],
  };
  const text = Object.entries(sections).map(
    ([name, rows]) =>
      `  ${JSON.stringify(name)}: [\n${rows.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`,
  );
  return `{\n${text.join(',\n')}\n}\n`;
}
