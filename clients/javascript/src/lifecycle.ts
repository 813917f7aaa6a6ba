import type { Lifecycle, LifecycleEvent } from "./types.js";

const PAGE_EVENTS = ["online", "offline", "pagehide", "pageshow"] as const;

interface Target {
  addEventListener(name: string, listener: (event: { persisted?: boolean }) => void): void;
  removeEventListener(name: string, listener: (event: { persisted?: boolean }) => void): void;
}

/** The life of the page that this runs in, or undefined where there is none (Node, workers, React Native). */
export function pageLifecycle(): Lifecycle | undefined {
  const scope = globalThis as unknown as Target & { document?: Target & { visibilityState: string } };
  const page = scope.document;
  if (typeof page?.addEventListener !== "function" || typeof scope.addEventListener !== "function")
    return undefined;

  return {
    isActive: () => page.visibilityState !== "hidden",
    listen(listener) {
      const onWindow = (event: { type?: string; persisted?: boolean }): void => {
        // A page that was not in the cache is a new one, and connects by itself.
        if (event.type !== "pageshow" || event.persisted) listener(event.type as LifecycleEvent);
      };
      const onVisibility = (): void => listener(page.visibilityState === "hidden" ? "inactive" : "active");
      for (const name of PAGE_EVENTS) scope.addEventListener(name, onWindow);
      page.addEventListener("visibilitychange", onVisibility);
      return () => {
        for (const name of PAGE_EVENTS) scope.removeEventListener(name, onWindow);
        page.removeEventListener("visibilitychange", onVisibility);
      };
    },
  };
}
