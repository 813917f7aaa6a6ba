import { signal } from "@preact/signals";
import { FrameLog, toNdjson } from "../logic/frame_log";

export const frameLog = new FrameLog();
export const query = signal("");

/** Save what is in memory, in the order in which it came; tokens are not in it. */
export function download(): void {
  const url = URL.createObjectURL(new Blob([toNdjson(frameLog.frames)], { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "frames.ndjson";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
