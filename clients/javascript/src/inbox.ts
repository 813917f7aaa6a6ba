import { remember } from "./calls.js";
import type { Connection } from "./connection.js";
import { LOST, type Requests } from "./requests.js";
import type { Runtime } from "./runtime.js";
import type { Message, Notification } from "./types.js";
import type { InboxEntry } from "./wire.js";

const SETTLED_MS = 60_000;
const PAGE = 100;
const SEEN_MAX = 2_000;

export interface Inbox {
  /** Page through the inbox, oldest first. */
  _entries(status?: InboxEntry["status"]): AsyncGenerator<InboxEntry, undefined>;
  /** Tell a message or a notification, once. */
  _receive(name: "message" | "notification", data: Message | Notification): void;
  /** After a connection was made at this time of the service: read what was pushed while there was none. */
  _catchUp(connection: Connection, serverTime: number): Promise<void>;
}

/** The lowest message id (a ULID) of a time in epoch milliseconds. */
const firstIdOf = (ms: number): string =>
  // Base 32 in JavaScript goes on with a to v; Crockford's leaves out I, L, O and U.
  ms
    .toString(32)
    .replace(/[a-v]/g, (digit) => "ABCDEFGHJKMNPQRSTVWXYZ"[parseInt(digit, 32) - 10]!)
    .padStart(10, "0")
    .padEnd(26, "0");

/** Messages and notifications: drops repeats, and reads what came while there was no connection. */
export function createInbox(
  { _now: now, _emit: emit, _hears: hears, _warn: warn }: Runtime,
  call: Requests["_call"],
): Inbox {
  const seen = new Set<string>();
  /** The id after which the next reading begins; ids can overtake each other for a while. */
  let after: string | undefined;
  let recent: [id: string, at: number][] = [];

  async function* entries(
    status?: InboxEntry["status"],
    from?: string,
    _on?: Connection,
  ): AsyncGenerator<InboxEntry, undefined> {
    do {
      const data = { limit: PAGE, ...(from && { after: from }), ...(status && { status }) };
      const { messages, next } = (await call("getMessages", data, _on && { _on })).data;
      yield* messages;
      from = next;
    } while (from);
    return undefined;
  }
  /** Move on to the newest id that came long enough ago. */
  const moveOn = (): void => {
    recent = recent.filter(([id, at]) => {
      const isSettled = at <= now() - SETTLED_MS;
      if (isSettled && id > after!) after = id;
      return !isSettled;
    });
  };

  const self: Inbox = {
    _entries: (status) => entries(status),
    _receive(name, data) {
      if (!remember(seen, data.messageId, SEEN_MAX)) return;
      if (recent.push([data.messageId, now()]) > PAGE) moveOn();
      emit(name, data as never);
    },
    async _catchUp(connection, serverTime) {
      if (!after) {
        // Nothing was missed before the first connection: older entries are the application's to read.
        after = firstIdOf(serverTime * 1000 - SETTLED_MS);
        return;
      }
      if (!hears("message", "notification")) return;
      moveOn();
      try {
        for await (const entry of entries(undefined, after, connection)) {
          const { messageId, kind, senderId = "", type, content, timestamp } = entry;
          self._receive(
            kind,
            kind === "message"
              ? { messageId, senderId, type, content: String(content), timestamp }
              : { ...(content as object), messageId },
          );
        }
      } catch (error) {
        if (error !== LOST) warn("inboxNotRead", error);
      }
    },
  };
  return self;
}
