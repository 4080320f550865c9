// What every address of an actor is an instance of, so that who carries mail can tell an address from plain data at any depth.
import type { Ref } from './kind.ts';

export abstract class Address implements Ref {
  abstract readonly kind: string;
  abstract readonly key: string;
}
