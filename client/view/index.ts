// The door of what applications that show chats have in common: the terminal, the demo page. Runs wherever there is JavaScript.
export * from './chats.ts';
export { feed } from './feed.ts';
export { type Progress, progressOf } from './progress.ts';
export { Typing } from './typing.ts';
export { changeWords, counted, errorWords, listed, typingWords } from './words.ts';
