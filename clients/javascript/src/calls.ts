export const noop = (): void => {};

/** The same promise; if nobody awaits it, its rejection is not an unhandled one. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(noop);
  return promise;
}

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
  const bytes = new Uint8Array(16).map(() => random() * 256);
  globalThis.crypto?.getRandomValues?.(bytes);
  bytes[6] = (bytes[6]! & 15) | 64; // version 4
  bytes[8] = (bytes[8]! & 63) | 128; // variant of RFC 9562
  return [...bytes]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
