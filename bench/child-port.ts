// The inside of a bench child (a server under test, a load worker): answers what its parent asks over the IPC channel.
// Ends with its parent. Started by the children's own mains.

/** What a child can be asked. Returns the answer; a rejection is the parent's error. */
export type Answers = Readonly<Record<string, (args: never) => unknown>>;

export interface Question {
  readonly id: number;
  readonly ask: string;
  readonly args: unknown;
}
export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export function serveParent(answers: Answers): void {
  process.on('message', (message) => void answer(answers, message as Question));
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C goes to the whole group; the parent decides.
  process.on('SIGINT', () => {});
}

/** Says that the child stands, with what its parent needs to reach it. */
export function announce(value: unknown): void {
  process.send?.({ id: 0, value } satisfies Reply);
}

async function answer(answers: Answers, question: Question): Promise<void> {
  const run = answers[question.ask] as ((args: unknown) => unknown) | undefined;
  try {
    if (run === undefined) throw new Error(`a bench child cannot ${question.ask}`);
    process.send?.({ id: question.id, value: (await run(question.args)) ?? null } satisfies Reply);
  } catch (error) {
    const about = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.send?.({ id: question.id, error: about } satisfies Reply);
  }
}
