// Runs one service kind on a test clock, without the kernel: mails in, answers out, and the door that `setAccepting` moves.
import type { Letter, Ref, ServiceCtx, ServiceKind } from '../../runtime/index.ts';
import { type TestEnv, testEnv } from './test-env.ts';

export interface Answer {
  readonly to: Ref;
  readonly mail: object;
}

export class ServiceBench<S, M extends object> {
  readonly test: TestEnv;
  readonly answers: Answer[] = [];
  readonly ctx: ServiceCtx;
  accepting = true;
  stopping = false;
  private readonly kind: ServiceKind<S, M>;
  private readonly inbox: Letter<M>[] = [];
  private state: S | null = null;
  private busy = false;

  constructor(kind: ServiceKind<S, M>, test: TestEnv = testEnv()) {
    this.kind = kind;
    this.test = test;
    const bench = this;
    this.ctx = {
      env: test.env,
      self: { kind: 'service', key: kind.name },
      reply: (to, mail) => this.answers.push({ to, mail }),
      route: () => {},
      tell: () => true,
      sleep: (ms) => new Promise((resolve) => (this.stopping ? resolve() : test.env.setTimer(resolve, ms))),
      get stopping() {
        return bench.stopping;
      },
      setAccepting: (on) => {
        this.accepting = on;
      },
    };
  }

  async start(): Promise<this> {
    this.state = await this.kind.init(this.ctx);
    return this;
  }

  tell(from: Ref | null, mail: M): boolean {
    if (!this.accepting || this.stopping || this.inbox.length >= this.kind.inboxMailsMax) return false;
    this.inbox.push({ from, mail });
    void this.deliver();
    return true;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.state !== null) await this.kind.onStop?.(this.ctx, this.state, 'shutdown');
  }

  /** Answers since the last call, to one actor. */
  take(to: Ref): object[] {
    const taken = this.answers.filter((answer) => answer.to === to).map((answer) => answer.mail);
    this.answers.splice(0, this.answers.length, ...this.answers.filter((answer) => answer.to !== to));
    return taken;
  }

  private async deliver(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    await null;
    while (this.inbox.length > 0 && this.state !== null) {
      await this.kind.receive(this.ctx, this.state, this.inbox.splice(0, this.kind.batchMailsMax));
    }
    this.busy = false;
  }
}
