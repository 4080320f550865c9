// The connection of a client, and the one that follows when it is lost: sign-in, heartbeat, token, backoff. Knows frames of
// sign-in only; all others go to its listener. Every callback of an older attempt is void: each attempt has its number.
import {
  CLOSE_CODES,
  type ClientFrame,
  decodeServerFrame,
  encodeFrame,
  type Frame,
  OP,
  type ServerFrame,
  SUBPROTOCOL,
  WIRE_VERSION,
} from '../../protocol/index.ts';
import { BACKOFF, backoffMs, ceilingOf, Reconnects } from './backoff.ts';
import { type ClientEnv, type Socket, settle, type Timer, type Transport } from './env.ts';
import { Heartbeat } from './heartbeat.ts';
import { type ClientState, type Fault, type Loss, lossOf, mayFollow } from './link-state.ts';
import { type GetToken, TokenKeeper } from './token.ts';

export interface UrlRequest {
  /** `elsewhere`: the server said that another node should serve this user. `failed`: attempts at the last URL failed, or it cannot serve. */
  readonly reason: 'connect' | 'elsewhere' | 'failed';
  readonly signal: AbortSignal;
  readonly token: string;
}
export interface LinkOptions {
  readonly url: string;
  readonly device: string;
  readonly agent: string;
  readonly getToken: GetToken;
  /** Which node to connect to. Without it, or when it fails: `url`. */
  readonly getUrl?: ((request: UrlRequest) => string | PromiseLike<string>) | undefined;
  /** Milliseconds for the token, and again for the connection up to WELCOME. */
  readonly connectTimeoutMs: number;
}
export interface LinkListener {
  hello(): Pick<Frame<'HELLO'>, 'sync' | 'known'>;
  state(state: ClientState): void;
  /** Null to go on, else why this server's answer cannot be: the client stops. */
  welcome(frame: Frame<'WELCOME'>): string | null;
  frame(frame: ServerFrame): void;
  offline(): void;
}
/** A node that goes away and does not close the socket itself is left after this time. */
const GO_AWAY_PATIENCE_MS = 5_000;

export class Link {
  state: ClientState = { is: 'connecting' };
  readonly #env: ClientEnv;
  readonly #transport: Transport;
  readonly #options: LinkOptions;
  readonly #on: LinkListener;
  readonly #reconnects = new Reconnects();
  readonly #heartbeat: Heartbeat;
  readonly #tokens: TokenKeeper;
  #attempt = 0;
  #abort = new AbortController();
  #socket: Socket | null = null;
  #online = false;
  #url: string | null = null; //      where the next attempt goes, when told
  #lastUrl: string;
  #askUrl: UrlRequest['reason'] | null = 'connect';
  #notBefore = 0;
  #fault: Fault | null = null;
  #serverTime = { at: 0, time: 0 };
  #refreshRef: number | null = null;
  #refreshes = 0;
  #timer: Timer | null = null; //     of the attempt, or the wait for the next
  #tokenTimer: Timer | null = null;

  constructor(env: ClientEnv, transport: Transport, options: LinkOptions, listener: LinkListener) {
    this.#env = env;
    this.#transport = transport;
    this.#options = options;
    this.#on = listener;
    this.#lastUrl = options.url;
    this.#tokens = new TokenKeeper(env, options.getToken);
    this.#heartbeat = new Heartbeat(
      env,
      (n) => this.send({ op: OP.HEARTBEAT, n }),
      () => this.#drop(1006, 'silent'),
    );
  }

  get online(): boolean {
    return this.#online;
  }

  start(): void {
    if (this.state.is === 'stopped' && this.state.reason === 'closed') return;
    const attempt = this.#begin();
    this.#setState({ is: 'connecting' });
    if (attempt !== this.#attempt) return;
    this.#limit(attempt, 'no token in time');
    const { signal } = this.#abort;
    const failed = (why: unknown): void => this.#lost(attempt, 1006, `getToken: ${textOf(why)}`);
    this.#tokens.forConnection(signal, (token) => this.#locate(attempt, token), failed);
  }

  /** Tries again now, out of a wait or after a stop; while online asks whether the connection still lives. */
  wake(): void {
    const { is } = this.state;
    if (is === 'online') this.#heartbeat.ask();
    else if (is === 'stopped' || (is === 'reconnecting' && this.#env.now() >= this.#notBefore)) this.start();
  }

  /** Sends if there is a connection, else drops it: false. */
  send(frame: ClientFrame): boolean {
    return this.#online && this.sendBytes(encodeFrame(frame));
  }

  sendBytes(bytes: Uint8Array): boolean {
    if (!this.#online || this.#socket === null) return false;
    this.#heartbeat.sent();
    this.#socket.send(bytes);
    return true;
  }

  /** Leaves a server that answers but cannot serve, for another or by way of the address that was given at first. */
  elsewhere(reason: string): void {
    if (!this.#online) return;
    this.#askUrl = 'failed';
    this.#lastUrl = this.#options.url;
    this.#drop(1000, reason);
  }

  /** For good, unless `start` or `wake` is called; after 'closed' for good. */
  stop(reason: string, code: number): void {
    const socket = this.#socket;
    this.#begin();
    socket?.close(code, '');
    this.#setState({ is: 'stopped', reason, code });
  }

  #setState(state: ClientState): void {
    this.state = state;
    this.#on.state(state);
  }

  /** Ends whatever was under way. Gives the number of the attempt that begins. */
  #begin(): number {
    this.#attempt++;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#heartbeat.stop();
    for (const timer of [this.#timer, this.#tokenTimer]) if (timer !== null) this.#env.clearTimer(timer);
    this.#timer = null;
    this.#tokenTimer = null;
    this.#refreshRef = null;
    this.#socket = null;
    if (this.#online) {
      this.#online = false;
      this.#on.offline();
    }
    return this.#attempt;
  }

  #limit(attempt: number, reason: string): void {
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = this.#env.setTimer(
      () => attempt === this.#attempt && this.#drop(1006, reason),
      this.#options.connectTimeoutMs,
    );
  }

  #locate(attempt: number, token: string): void {
    if (attempt !== this.#attempt) return;
    const told = this.#url;
    const { getUrl } = this.#options;
    const reason = this.#askUrl;
    this.#url = null;
    this.#askUrl = null;
    if (told !== null || getUrl === undefined || reason === null) {
      this.#open(attempt, told ?? this.#lastUrl, token);
      return;
    }
    const { signal } = this.#abort;
    const request = { reason, signal, token };
    settle(
      () => getUrl(request),
      (url) => this.#open(attempt, url, token),
      () => this.#open(attempt, this.#options.url, token),
    );
  }

  #open(attempt: number, url: string, token: string): void {
    if (attempt !== this.#attempt) return;
    this.#lastUrl = url;
    this.#limit(attempt, 'no WELCOME in time');
    try {
      this.#socket = this.#transport.connect(socketUrl(url), [SUBPROTOCOL.msgpack], {
        onOpen: () => attempt === this.#attempt && this.#hello(token),
        onMessage: (bytes) => attempt === this.#attempt && this.#message(attempt, bytes),
        onClose: (code, why) => this.#lost(attempt, code, why || 'connection lost'),
      });
    } catch (why) {
      this.#lost(attempt, 1006, textOf(why));
    }
  }

  #hello(token: string): void {
    const { device, agent } = this.#options;
    try {
      this.#socket?.send(
        encodeFrame({ op: OP.HELLO, version: WIRE_VERSION, token, device, agent, ...this.#on.hello() }),
      );
    } catch (why) {
      this.#drop(1006, textOf(why)); // a token that is none
    }
  }

  #message(attempt: number, bytes: Uint8Array): void {
    let frame: ServerFrame;
    try {
      frame = decodeServerFrame(bytes);
    } catch (why) {
      this.#drop(CLOSE_CODES.badFrame.code, textOf(why));
      return;
    }
    this.#heartbeat.heard();
    switch (frame.op) {
      case OP.WELCOME:
        if (!this.#online) this.#welcome(frame);
        return;
      case OP.HEARTBEAT:
        return;
      case OP.GO_AWAY:
        this.#goAway(attempt, frame);
        return;
      case OP.ERROR:
        if (this.#refresh(frame)) return;
        if (frame.ref === null && frame.id === null) this.#fault = { ...frame, at: this.#env.now() };
        break;
      case OP.OK:
        if (this.#refresh(frame)) return;
    }
    if (this.#online) this.#on.frame(frame);
  }

  #welcome(frame: Frame<'WELCOME'>): void {
    const wrong = this.#on.welcome(frame);
    if (wrong !== null) {
      this.stop(wrong, 1000);
      return;
    }
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    this.#timer = null;
    const now = this.#env.now();
    this.#fault = null;
    this.#serverTime = { at: now, time: frame.time };
    this.#reconnects.online(now);
    this.#online = true;
    this.#heartbeat.start(frame.heartbeatMs);
    this.#tokens.taken(frame.time, frame.expires);
    this.#planRefresh(this.#tokens.refreshInMs);
    this.#setState({ is: 'online', user: frame.user, node: frame.node });
  }

  // —— token ——

  #planRefresh(inMs: number | null): void {
    if (this.#tokenTimer !== null) this.#env.clearTimer(this.#tokenTimer);
    this.#tokenTimer = inMs === null ? null : this.#env.setTimer(() => this.#fetchToken(), Math.min(inMs, 0x7fff_ffff));
  }

  #fetchToken(): void {
    const attempt = this.#attempt;
    const leftMs = this.#tokens.refreshInMs;
    if (leftMs !== null && leftMs > 0) {
      this.#planRefresh(leftMs); // a life longer than a timer can wait
      return;
    }
    const send = (token: string): void => {
      if (attempt !== this.#attempt) return;
      this.#refreshRef = 0; // requests count from 1
      try {
        this.send({ op: OP.TOKEN, ref: 0, token });
      } catch {
        this.#retryToken();
      }
    };
    const failed = (): void => void (attempt === this.#attempt && this.#retryToken());
    this.#tokens.fresh('refresh', this.#abort.signal, send, failed);
  }

  #retryToken(): void {
    this.#refreshes++;
    this.#planRefresh(BACKOFF.baseMs + backoffMs(this.#refreshes, () => this.#env.random()));
  }

  /** True when the frame answers TOKEN. */
  #refresh(frame: Frame<'OK'> | Frame<'ERROR'>): boolean {
    if (this.#refreshRef === null || frame.ref !== this.#refreshRef) return false;
    this.#refreshRef = null;
    if (frame.op === OP.OK) {
      this.#refreshes = 0;
      this.#tokens.replaced(this.#serverTime.time + this.#env.now() - this.#serverTime.at);
      this.#planRefresh(this.#tokens.refreshInMs);
    } else this.#retryToken();
    return true;
  }

  // —— loss ——

  #goAway(attempt: number, frame: Frame<'GO_AWAY'>): void {
    this.#notBefore = this.#env.now() + frame.delayMs;
    if (frame.url !== null && mayFollow(this.#options.url, frame.url)) this.#url = frame.url;
    this.#on.frame(frame);
    if (this.#timer !== null) this.#env.clearTimer(this.#timer);
    const leave = (): void => void (attempt === this.#attempt && this.#drop(1000, 'goingAway'));
    this.#timer = this.#env.setTimer(leave, Math.max(frame.delayMs, GO_AWAY_PATIENCE_MS));
  }

  #drop(code: number, reason: string): void {
    const socket = this.#socket;
    const attempt = this.#attempt;
    this.#lost(attempt, 1006, reason);
    socket?.close(code === 1006 ? undefined : code, '');
  }

  #lost(attempt: number, code: number, why: string): void {
    if (attempt !== this.#attempt) return;
    const now = this.#env.now();
    const loss = lossOf(code, why, this.#fault, now, this.#tokens.reused);
    const wasOnline = this.#online;
    this.#fault = null;
    if (loss.freshToken) this.#tokens.refused();
    this.#begin();
    if (loss.action === 'stop') {
      this.#setState({ is: 'stopped', reason: loss.reason, code });
      return;
    }
    this.#wait(loss, wasOnline, now);
  }

  #wait(loss: Loss, wasOnline: boolean, now: number): void {
    const current = this.#attempt;
    const jitterMs = this.#reconnects.lost(now, () => this.#env.random(), ceilingOf(loss.code));
    this.#notBefore = Math.max(this.#notBefore, now + loss.afterMs);
    if (loss.action === 'elsewhere') this.#askUrl = 'elsewhere';
    else if (!wasOnline) this.#askUrl ??= 'failed';
    // A node that does not answer, or does not want us, is left for the one we were given at first.
    if (!wasOnline || loss.action === 'elsewhere') this.#lastUrl = this.#options.url;
    // What the server asks for comes first, and chance on top of it: many were told the same.
    const waitMs = Math.max(0, this.#notBefore - now);
    const inMs = waitMs > 0 ? waitMs + Math.floor(this.#env.random() * BACKOFF.firstMs) : jitterMs;
    const atLeast = Math.max(inMs, jitterMs);
    this.#timer = this.#env.setTimer(() => current === this.#attempt && this.start(), atLeast);
    const { attempt } = this.#reconnects;
    this.#setState({ is: 'reconnecting', attempt, inMs: atLeast, reason: loss.reason });
  }
}

function textOf(why: unknown): string {
  return why instanceof Error ? why.message : String(why);
}

/** A server named without a path is reached at the path of the protocol; a path that is given stands. */
function socketUrl(url: string): string {
  return url.replace(/^(wss?:\/\/[^/?#]+)\/?$/, '$1/v1/connect');
}
