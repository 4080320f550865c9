// Every limit of the wire in one place, with their relations asserted. Imports nothing.

export const LIMITS = {
  /** Bytes of one WebSocket message, either way. */
  frameBytesMax: 65_536,
  frameFragmentsMax: 64,
  /**
   * Characters of one frame from the server in parley.v1.json, where a byte takes up to six (`\u0000`). A client's frame must fit
   * `frameBytesMax` in either encoding.
   */
  jsonCharsMax: 524_288,
  /** Bytes of a message body. Leaves room for ids and headers in a frame. */
  bodyBytesMax: 61_440,
  msgpackDepthMax: 16,
  msgpackItemsMax: 4_096,
  userIdCharsMax: 64,
  deviceIdCharsMax: 32,
  chatIdCharsMax: 64,
  messageIdCharsMax: 64,
  titleCharsMax: 128,
  agentCharsMax: 128,
  tokenCharsMax: 8_192,
  /** Members of a group in all, and in one create, add or remove. */
  membersMax: 1_024,
  membersPerChangeMax: 256,
  devicesPerUserMax: 10,
  socketsPerUserMax: 10,
  socketsPerSourceMax: 10,
  watchedUsersMax: 256,
  knownChatsMax: 1_000,
  acksPerFrameMax: 64,
  historyEntriesMax: 100,
  chatsPerPageMax: 50,
  /** Unacknowledged messages pushed to a device. */
  windowMessages: 64,
  bufferedStopBytes: 262_144,
  bufferedCloseBytes: 1_048_576,
  signInMs: 5_000,
  headersMs: 5_000,
  signInsAtOnceMax: 512,
  heartbeatMs: 10_000,
  silenceMs: 30_000,
  ackDelayMsMax: 50,
  inboxRetentionMs: 30 * 86_400_000,
  sentRetentionMs: 14 * 86_400_000,
} as const;

const relations: readonly [boolean, string][] = [
  [LIMITS.bodyBytesMax + 2_048 <= LIMITS.frameBytesMax, 'a largest body fits a frame with its header'],
  [
    LIMITS.membersPerChangeMax * (LIMITS.userIdCharsMax + 4) + 1_024 <= LIMITS.bodyBytesMax,
    'a membership entry fits a body',
  ],
  [LIMITS.frameBytesMax * 6 + 65_536 <= LIMITS.jsonCharsMax, 'whatever fits a binary frame fits a JSON frame'],
  [LIMITS.silenceMs >= 2 * LIMITS.heartbeatMs, 'one lost heartbeat is no death'],
  [LIMITS.bufferedStopBytes < LIMITS.bufferedCloseBytes, 'feeding stops before a close'],
  [LIMITS.acksPerFrameMax >= 1 && LIMITS.windowMessages <= 4_096, 'windows are sane'],
];
for (const [holds, rule] of relations) if (!holds) throw new Error(`limits: ${rule}`);
