import type { Lifecycle, LifecycleEvent } from "./types.js";

interface Happening {
  type: string;
  persisted?: boolean;
}
interface Target {
  addEventListener?(name: string, listener: (event: Happening) => void): void;
  removeEventListener(name: string, listener: (event: Happening) => void): void;
}

/** The life of the page that this runs in, or undefined where there is none (Node, workers, React Native). */
export function pageLifecycle(): Lifecycle | undefined {
  const scope = globalThis as unknown as Target & { document?: Target & { visibilityState: string } };
  const page = scope.document;
  if (!page?.addEventListener || !scope.addEventListener) return undefined;
  const isActive = (): boolean => page.visibilityState !== "hidden";

  return {
    isActive,
    listen(listener) {
      const heard = ({ type, persisted }: Happening): void => {
        if (type === "visibilitychange") listener(isActive() ? "active" : "inactive");
        // A page that was not in the cache is a new one, and connects by itself.
        else if (type !== "pageshow" || persisted) listener(type as LifecycleEvent);
      };
      const each = (how: "addEventListener" | "removeEventListener"): void => {
        for (const name of ["online", "offline", "pagehide", "pageshow"]) scope[how]!(name, heard);
        page[how]!("visibilitychange", heard);
      };
      each("addEventListener");
      return () => each("removeEventListener");
    },
  };
}
