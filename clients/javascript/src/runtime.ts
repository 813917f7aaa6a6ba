import { createTimers, type Timers } from "./clock.js";
import { readLimits, type Limits } from "./options.js";
import type { ClientEvents, ClientOptions } from "./types.js";

type Listener = (value: never) => unknown;

/** What every part of a client works with: time, chance, limits, and the ears of the application. */
export interface Runtime extends Timers {
  _limits: Limits;
  _random(): number;
  _on(name: keyof ClientEvents, listener: Listener): () => void;
  /** Whether anybody listens to any of these. */
  _hears(...names: string[]): boolean;
  /** Nobody hears anything any more. */
  _silence(): void;
  /**
   * Tell listeners. What a listener causes is told after what it was called for, so that every listener hears of
   * everything in the order in which it happened.
   */
  _emit<Name extends keyof ClientEvents>(name: Name, value: ClientEvents[Name]): void;
  _warn(code: string, cause: unknown, message?: string): void;
  /** Call a function of the application; whatever it throws, or its promise rejects with, is a warning. */
  _guard<Value>(name: string, call: ((value: Value) => unknown) | undefined, value: Value): void;
}

export function createRuntime(options: ClientOptions): Runtime {
  const listeners = new Set<[name: string, listener: Listener]>();
  const told: [name: string, value: unknown][] = [];
  let isTelling = false;

  const runtime: Runtime = {
    _limits: readLimits(options),
    _random: options.random ?? Math.random,
    ...createTimers(options.clock),
    _on(name, listener) {
      const entry: [string, Listener] = [name, listener];
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    _hears: (...names) => [...listeners].some(([name]) => names.includes(name)),
    _silence: () => listeners.clear(),
    _emit(name, value) {
      told.push([name, value]);
      if (isTelling) return;
      isTelling = true;
      for (let next; (next = told.shift());)
        for (const [heard, listener] of [...listeners])
          if (heard === next[0]) runtime._guard(heard, listener, next[1] as never);
      isTelling = false;
    },
    _warn: (code, cause, message = String(cause)) => runtime._emit("warning", { code, message, cause }),
    _guard(name, call, value) {
      const failed = (error: unknown): void => {
        // A listener for warnings that throws would be told of that for ever.
        if (name !== "warning") runtime._warn("handlerFailed", error, `${name} threw ${error}`);
      };
      try {
        (call?.(value) as PromiseLike<unknown> | undefined)?.then?.(undefined, failed);
      } catch (error) {
        failed(error);
      }
    },
  };
  return runtime;
}
