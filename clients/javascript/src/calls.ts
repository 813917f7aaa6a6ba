export const noop = (): void => {};

/** The same promise; if nobody awaits it, its rejection is not an unhandled one. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(noop);
  return promise;
}

/** A promise that is rejected already. */
export const rejected = (error: unknown): Promise<never> => quiet(Promise.reject(error));

/** Call `aborted` with the reason when the signal aborts, at once if it has; returns how to stop listening. */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  const listener = (): void =>
    // The reason is absent in old runtimes.
    aborted(signal!.reason ?? Object.assign(new Error("aborted"), { name: "AbortError" }));
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener);
  return () => signal?.removeEventListener("abort", listener);
}

/** Remember an id among the `max` that came last; false if it is known. */
export function remember(ids: Set<string>, id: string, max: number): boolean {
  if (ids.has(id)) return false;
  ids.add(id);
  if (ids.size > max) ids.delete(ids.values().next().value as string);
  return true;
}

/** A random UUID. `crypto.randomUUID` is absent outside HTTPS and in React Native, `getRandomValues` mostly is not. */
export function uuid(random: () => number): string {
  const bytes = new Uint8Array(36).map(() => random() * 256);
  globalThis.crypto?.getRandomValues?.(bytes);
  // Of version 4, and of the variant of RFC 9562, whose digit is 8 to b.
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (kind, at: number) =>
    (kind === "x" ? bytes[at]! & 15 : (bytes[at]! & 3) | 8).toString(16),
  );
}
