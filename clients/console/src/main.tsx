import { render } from "preact";
import "./style.css";
import { findPlace, place } from "./store/cloud";
import * as connection from "./store/connection";
import { draw, isPaused } from "./store/deals";
import { counts, feedTime, ledger, readFeed, readPublished, isFeeding, setFeed } from "./store/feed";
import { readFaults } from "./store/faults";
import { hasKeys } from "./store/preferences";
import { readPicture } from "./store/picture";
import { followLink } from "./store/wishes";
import { announce } from "./views/announcer";
import { App } from "./views/app";
import { holdWhileRead } from "./views/deals";
import { openDialog } from "./views/dialogs";

const DRAW_MS = 100;
const PUBLISHED_MS = 500;
const HIDDEN_PUBLISHED_MS = 20_000;

let publishedAt = 0;
let secondAt = 0;

/** Ten times a second: draw what came. */
function beat(): void {
  const now = Date.now();
  draw(now);
  connection.recordState(now);
  if (now - publishedAt >= (document.hidden ? HIDDEN_PUBLISHED_MS : PUBLISHED_MS)) {
    publishedAt = now;
    void readPublished();
  }
  if (now - secondAt < 1_000) return;
  secondAt = now;
  connection.tick(now);
  counts.value = ledger.count(feedTime());
  announce(now);
  void readPicture();
}

function press(event: KeyboardEvent): void {
  const { target, key } = event;
  const isTyping = target instanceof Element && target.closest("input, textarea, select, dialog");
  if (!hasKeys.value || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "p") isPaused.value = !isPaused.value;
  else if (key === "?") openDialog("keys");
  else if (key === "/") {
    event.preventDefault();
    const frames = document.querySelector<HTMLDetailsElement>("#frames")!;
    frames.open = true;
    setTimeout(() => document.querySelector<HTMLInputElement>("#frame-filter")?.focus(), 50);
  }
}

async function begin(): Promise<void> {
  followLink(true);
  render(<App />, document.getElementById("console")!);
  setInterval(beat, DRAW_MS);
  addEventListener("keydown", press);
  addEventListener("popstate", () => followLink(false));
  addEventListener("scroll", holdWhileRead);
  await findPlace();
  connection.start();
  if (connection.lacksToken.value) openDialog("who");
  if (!place.value?.isLocal) return;
  await Promise.all([readFeed(), readFaults()]);
  if (!isFeeding.value) await setFeed({ running: true, per_second: 4 });
}

void begin();
