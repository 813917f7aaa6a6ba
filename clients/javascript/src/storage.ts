import { own } from "./own.js";
import type { Runtime } from "./runtime.js";
import type { Sub } from "./subscription.js";
import type { Storage, Store } from "./types.js";

const SAVE_EVERY_MS = 1_000;
const FRESH_MS = 24 * 3_600_000;

interface Saved {
  user: string;
  time: number;
  topics: Record<string, { position: number; ids: string[] }>;
}

export interface Positions {
  /** Read what is stored, once. */
  _load(): Promise<void>;
  /** Whether there are stored positions whose user must be known before they are used. */
  _areUnproven(): boolean;
  /** The service said who the user is; positions of another one are dropped. */
  _useUser(user: string): void;
  /** Give a subscription without a position the stored one. */
  _restore(subscription: Sub): void;
  /** Save soon: once a second at most. */
  _moved(): void;
  _save(): void;
}

/** Positions that outlive the client, of the same user and for a day. */
function createPositions(
  { _now: now, _timer: timer, _warn: warn }: Runtime,
  store: Store,
  subscriptions: () => Sub[],
): Positions {
  let user: string | undefined;
  let loaded: Saved | undefined;
  let loading: Promise<void> | undefined;
  const failed = (error: unknown): void => warn("storageFailed", error);

  const self: Positions = {
    _load: () =>
      (loading ??= (async () => {
        const saved = JSON.parse((await store.load()) ?? "null") as Saved | null;
        if (saved && now() - saved.time < FRESH_MS) loaded = saved;
      })().catch(failed)),
    _areUnproven: () => loaded !== undefined && user === undefined,
    _useUser(known) {
      user = known;
      if (loaded?.user !== known) loaded = undefined;
      subscriptions().forEach(self._restore);
    },
    _restore(sub) {
      const saved = user === undefined ? undefined : own(loaded?.topics, sub.topic);
      if (saved && sub.position === undefined) sub._restore(saved);
    },
    _moved() {
      if (!saving._isOn) saving(SAVE_EVERY_MS);
    },
    _save() {
      saving();
      if (user === undefined) return;
      const topics: Saved["topics"] = { ...loaded?.topics };
      const lowest = new Set<string>();
      for (const { topic, _saved } of subscriptions()) {
        const { position, ids } = _saved();
        if (position === undefined || (lowest.has(topic) && topics[topic]!.position <= position)) continue;
        lowest.add(topic);
        topics[topic] = { position, ids };
      }
      const text = JSON.stringify({ user, time: now(), topics });
      new Promise((resolve) => resolve(store.save(text))).catch(failed);
    },
  };
  const saving = timer(self._save);
  return self;
}

/**
 * Keep positions in a store of the application. Only what is imported weighs: a client without storage carries none
 * of this.
 */
export function keepIn(store: Store): Storage {
  return { _positions: (runtime, subscriptions) => createPositions(runtime, store, subscriptions) };
}

/** Keep positions in `sessionStorage` (each tab its own) or `localStorage` (one page at a time). */
export function webStorage(
  area: { getItem(key: string): string | null; setItem(key: string, value: string): void },
  key = "deals-client",
): Storage {
  return keepIn({ load: () => area.getItem(key), save: (text) => area.setItem(key, text) });
}
