// One socket of the in-memory server: frames both ways, encoded as on the wire, late or twice or never as the faults say.
import { type ClientFrame, decodeClientFrame, encodeFrame, type ServerFrame } from '../../protocol/index.ts';
import type { ClientEnv, Socket, SocketEvents } from '../core/index.ts';

export interface Faults {
  delayMs: number;
  duplicate: boolean;
}
type Timers = Pick<ClientEnv, 'now' | 'setTimer' | 'clearTimer'>;

export class TestSocket {
  /** Set by HELLO. */
  user = '';
  device = '';
  /** Closed for the server: nothing goes out any more. */
  over = false;
  readonly #env: Timers;
  readonly #faults: Faults;
  readonly #on: SocketEvents;
  readonly #frame: (socket: TestSocket, frame: ClientFrame) => void;
  readonly #gone: (socket: TestSocket) => void;
  readonly #lastAt = { in: 0, out: 0 };
  #cut = false;

  constructor(
    env: Timers,
    faults: Faults,
    on: SocketEvents,
    frame: (socket: TestSocket, frame: ClientFrame) => void,
    gone: (socket: TestSocket) => void,
  ) {
    this.#env = env;
    this.#faults = faults;
    this.#on = on;
    this.#frame = frame;
    this.#gone = gone;
    this.#later('out', () => this.#on.onOpen());
  }

  /** Never from within the caller's turn, and never before what went the same way earlier. */
  #later(way: 'in' | 'out', run: () => void): void {
    const now = this.#env.now();
    this.#lastAt[way] = Math.max(this.#lastAt[way], now + this.#faults.delayMs);
    this.#env.setTimer(() => this.#cut || run(), this.#lastAt[way] - now);
  }

  say(frame: ServerFrame): void {
    if (this.over) return;
    const bytes = encodeFrame(frame);
    for (let copies = this.#faults.duplicate ? 2 : 1; copies > 0; copies--)
      this.#later('out', () => this.#on.onMessage(bytes.slice()));
  }

  close(code: number, reason = ''): void {
    if (this.over) return;
    this.over = true;
    this.#gone(this);
    this.#later('out', () => {
      this.#cut = true;
      this.#on.onClose(code, reason);
    });
  }

  /** The network is cut: what is under way either way is lost. */
  drop(): void {
    if (this.#cut) return;
    this.over = true;
    this.#cut = true;
    this.#gone(this);
    this.#env.setTimer(() => this.#on.onClose(1006, 'dropped'), 0);
  }

  /** The client's end. */
  client(): Socket {
    return {
      send: (bytes) => {
        const copy = bytes.slice();
        for (let copies = this.#faults.duplicate ? 2 : 1; copies > 0; copies--)
          this.#later('in', () => this.over || this.#frame(this, decodeClientFrame(copy.slice())));
      },
      close: (code = 1006) => {
        this.#later('in', () => {
          this.over = true;
          this.#cut = true;
          this.#gone(this);
          this.#env.setTimer(() => this.#on.onClose(code, ''), 0);
        });
      },
    };
  }
}
