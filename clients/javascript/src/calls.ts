/** Call a function of the application; whatever it throws, or its promise rejects with, goes to `onError`. */
export function callSafely(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = call() as PromiseLike<unknown> | undefined;
    if (typeof result?.then === "function") result.then(undefined, onError);
  } catch (error) {
    onError(error);
  }
}

/** The same promise; if nobody awaits it, its rejection is not an unhandled one. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** A promise with the functions that settle it. */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function defer<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = quiet(
    new Promise<T>((yes, no) => {
      resolve = yes;
      reject = no;
    }),
  );
  return { promise, resolve, reject };
}

/** Call `aborted` with the reason when the signal aborts, at once if it has; returns how to stop listening. */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  if (!signal) return () => {};
  const listener = (): void => {
    const reason: unknown = signal.reason; // absent in old runtimes
    aborted(reason ?? Object.assign(new Error("aborted"), { name: "AbortError" }));
  };
  if (signal.aborted) {
    listener();
    return () => {};
  }
  signal.addEventListener("abort", listener);
  return () => signal.removeEventListener("abort", listener);
}
