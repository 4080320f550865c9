// Typed events. A handler that throws harms neither the client nor the other handlers: its error goes to `onThrow`.

export type Off = () => void;

export class Emitter<E extends object> {
  readonly #handlers = new Map<keyof E, ((event: never) => void)[]>();
  readonly #onThrow: (error: unknown) => void;

  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow;
  }

  on<K extends keyof E>(name: K, handler: (event: E[K]) => void): Off {
    // Copied on change, so that a handler may add or remove handlers while an event is given out.
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
    return () => {
      const left = (this.#handlers.get(name) ?? []).filter((one) => one !== handler);
      this.#handlers.set(name, left);
    };
  }

  has(name: keyof E): boolean {
    return (this.#handlers.get(name)?.length ?? 0) > 0;
  }

  emit<K extends keyof E>(name: K, event: E[K]): void {
    const handlers = this.#handlers.get(name);
    if (handlers === undefined) return;
    for (const handler of handlers as ((event: E[K]) => void)[]) {
      try {
        handler(event);
      } catch (error) {
        this.#onThrow(error);
      }
    }
  }
}
