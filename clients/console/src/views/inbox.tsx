import { useSignal } from "@preact/signals";
import { formatTime } from "../logic/visible";
import { place } from "../store/cloud";
import { claims } from "../store/connection";
import * as inbox from "../store/inbox";
import { Foreign, Region } from "./parts";

const MARKS = { sending: "…", sent: "sent ✓", delivered: "delivered ✓✓", read: "read ✓✓", failed: "failed" };

export function Inbox() {
  const unread = inbox.unread.value;
  return (
    <Region id="inbox" title="Inbox" aside={unread > 0 ? `${unread} unread` : "nothing unread"}>
      <Write />
      <ul class="messages">
        {inbox.notes.value.slice(0, 50).map((note) => (
          <li key={note.id} class={note.isOwn ? "own" : ""}>
            <p class="row muted">
              <span class="grow">
                {note.isOwn ? "to " : "from "}
                <bdi>{note.with}</bdi> · {formatTime(note.at)}
              </span>
              <span class={note.status === "failed" ? "problem" : ""}>
                {note.isOwn || note.status === "read" ? MARKS[note.status] : ""}
              </span>
              {!note.isOwn && note.status !== "read" && (
                <button type="button" class="quiet" onClick={() => void inbox.acknowledge(note.id)}>
                  mark read
                </button>
              )}
            </p>
            <p>
              <Foreign text={note.text} />
            </p>
            {note.problem && <p class="problem">{note.problem}</p>}
          </li>
        ))}
      </ul>
    </Region>
  );
}

function Write() {
  const others =
    place.value?.people.map(({ user_id }) => user_id).filter((id) => id !== claims.value?.user) ?? [];
  const to = useSignal("ben");
  const text = useSignal("Shall we?");
  const send = (event: Event): void => {
    event.preventDefault();
    if (!to.value.trim() || !text.value) return;
    void inbox.write(to.value.trim(), text.value);
    text.value = "";
  };
  return (
    <form class="write" onSubmit={send}>
      <label>
        <span class="hidden">To</span>
        <input list="people" value={to.value} onInput={(event) => (to.value = event.currentTarget.value)} />
      </label>
      <datalist id="people">
        {others.map((id) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      <label class="grow">
        <span class="hidden">Message</span>
        <input
          value={text.value}
          placeholder="a demo person answers"
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit">Send</button>
    </form>
  );
}
