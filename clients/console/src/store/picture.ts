import { signal } from "@preact/signals";
import { ask, place, type Picture } from "./cloud";

export const picture = signal<Picture | undefined>(undefined);
export const logs = signal<{ name: string; lines: string[] } | undefined>(undefined);

let isAsking = false;

/** Ask for the picture of the service; a hidden page does not. */
export async function readPicture(): Promise<void> {
  if (!place.peek()?.isLocal || document.hidden || isAsking) return;
  isAsking = true;
  try {
    picture.value = await ask<Picture>("picture");
  } catch {
    picture.value = undefined;
  } finally {
    isAsking = false;
  }
}

/** Read the last lines that a function logged. */
export async function readLogs(name: string): Promise<void> {
  logs.value = { name, lines: ["reading …"] };
  try {
    const { lines } = await ask<{ lines: string[] }>(`functions/${encodeURIComponent(name)}/logs?lines=50`);
    logs.value = { name, lines: lines.length > 0 ? lines : ["It has logged nothing yet."] };
  } catch (error) {
    logs.value = { name, lines: [error instanceof Error ? error.message : String(error)] };
  }
}
