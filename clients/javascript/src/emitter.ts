import { callSafely } from "./calls.js";

type Listener<T> = (value: T) => unknown;

/**
 * Listeners by event name. What a listener causes is told after what it was called for, so that every listener
 * hears of everything in the order in which it happened.
 */
export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<Listener<never>>>();
  private readonly waiting: (() => void)[] = [];
  private telling = false;

  constructor(private readonly onThrown: (error: unknown) => void) {}

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const own: Listener<Events[Name]> = (value) => listener(value); // the same function may listen twice
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners.add(own));
    return () => void listeners.delete(own);
  }

  has(name: keyof Events): boolean {
    return (this.listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    this.waiting.push(() => {
      for (const listener of [...(this.listeners.get(name) ?? [])]) {
        callSafely(() => (listener as Listener<Events[Name]>)(value), this.onThrown);
      }
    });
    if (this.telling) return;

    this.telling = true;
    for (let tell = this.waiting.shift(); tell; tell = this.waiting.shift()) tell();
    this.telling = false;
  }

  clear(): void {
    this.listeners.clear();
  }
}
