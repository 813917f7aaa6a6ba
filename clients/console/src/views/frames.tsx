import { useSignal } from "@preact/signals";
import { select, type LoggedFrame } from "../logic/frame_log";
import { formatBytes, formatTime, SHOWN_MAX, showSigns } from "../logic/visible";
import { isSecondTicking } from "../store/connection";
import { download, frameLog, query } from "../store/frames";
import { CopyButton, Region } from "./parts";

const SHOWN_FRAMES = 200;

export function Frames() {
  return (
    <Region id="frames" title="Frames" isFolded aside="↑ sent ↓ got">
      <FrameList />
    </Region>
  );
}

function FrameList() {
  const open = useSignal<number | undefined>(undefined);
  void isSecondTicking.value; // drawn once a second
  const found = select(frameLog.frames, query.value);
  // The open frame keeps its place when the filter is cleared.
  const at = found.findIndex(({ number }) => number === open.value);
  const end = at >= 0 ? Math.min(found.length, Math.max(at + SHOWN_FRAMES / 2, SHOWN_FRAMES)) : found.length;
  const shown = found.slice(Math.max(0, end - SHOWN_FRAMES), end).toReversed();
  return (
    <>
      <p class="row">
        <label class="grow">
          <span class="hidden">Filter of the frames</span>
          <input
            id="frame-filter"
            type="search"
            placeholder="filter: text, type, sent, got"
            value={query.value}
            onInput={(event) => (query.value = event.currentTarget.value)}
          />
        </label>
        <button type="button" onClick={download}>
          Download NDJSON
        </button>
      </p>
      <p class="muted">
        {found.length.toLocaleString("en")} of {frameLog.frames.length.toLocaleString("en")} in memory
        {frameLog.dropped > 0 && `, the oldest ${frameLog.dropped.toLocaleString("en")} are gone`}
        {found.length > shown.length && `; ${shown.length} are shown`}
      </p>
      <ol class="frames" id="frame-list" tabIndex={0} aria-label="Frames, newest first">
        {shown.map((frame) => (
          <FrameRow
            key={frame.number}
            frame={frame}
            isOpen={open.value === frame.number}
            toggle={() => (open.value = open.value === frame.number ? undefined : frame.number)}
          />
        ))}
      </ol>
    </>
  );
}

function FrameRow({ frame, isOpen, toggle }: { frame: LoggedFrame; isOpen: boolean; toggle(): void }) {
  const { direction, at, type, size, text, answeredInMs } = frame;
  return (
    <li class={direction}>
      <button type="button" class="frame" aria-expanded={isOpen} onClick={toggle}>
        <span>{direction === "sent" ? "↑ sent" : "↓ got"}</span>
        <span>{formatTime(at, true)}</span>
        <b>{type}</b>
        <span>{formatBytes(size)}</span>
        <span>{answeredInMs === undefined ? "" : `answer after ${answeredInMs} ms`}</span>
        <span class="preview muted">{showSigns(text.slice(0, 160))}</span>
      </button>
      {isOpen && (
        <div>
          <pre tabIndex={0}>{showSigns(text.slice(0, 10 * SHOWN_MAX))}</pre>
          <CopyButton text={() => text} label="Copy frame" />
        </div>
      )}
    </li>
  );
}
