import type { Connection } from "./connection.js";
import { Lost, type Requests } from "./requests.js";
import { Seen } from "./seen.js";
import type { Message, Notification } from "./types.js";
import type { InboxEntry, Messages } from "./wire.js";

const SETTLED_MS = 60_000;
const PAGE = 100;
const SEEN_MAX = 2_000;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Told about each message and notification once. */
export interface InboxListener {
  isListening(): boolean;
  message(message: Message): void;
  notification(notification: Notification): void;
  warn(code: string, message: string, cause: unknown): void;
}

/** Messages and notifications: drops repeats, and reads what came while there was no connection. */
export class Inbox {
  private readonly seen = new Seen(SEEN_MAX);
  /** The id after which the next reading begins; ids can overtake each other for a while. */
  private after: string | undefined;
  private recent: { id: string; at: number }[] = [];

  constructor(
    private readonly requests: Requests,
    private readonly now: () => number,
    private readonly listener: InboxListener,
  ) {}

  /** Page through the inbox, oldest first. */
  async *entries(status?: InboxEntry["status"]): AsyncGenerator<InboxEntry, undefined> {
    let after: string | undefined;
    do {
      const page = await this.read(after, status);
      yield* page.messages;
      after = page.next;
    } while (after);
    return undefined;
  }

  receiveMessage(message: Message): void {
    if (this.remember(message.messageId)) this.listener.message(message);
  }

  receiveNotification(notification: Notification): void {
    if (this.remember(notification.messageId)) this.listener.notification(notification);
  }

  /** After a connection was made at this time of the service: read what was pushed while there was none. */
  async catchUp(connection: Connection, serverTime: number): Promise<void> {
    if (this.after === undefined) {
      // Nothing was missed before the first connection: older entries are the application's to read.
      this.after = firstIdOf(serverTime * 1000 - SETTLED_MS);
      return;
    }
    if (!this.listener.isListening()) return;
    try {
      for (let after: string | undefined = this.settledId(); after;) {
        const page: Messages = await this.read(after, undefined, connection);
        page.messages.forEach((entry) => this.receiveEntry(entry));
        after = page.next;
      }
    } catch (error) {
      if (!(error instanceof Lost))
        this.listener.warn("inboxNotRead", "the inbox could not be read after reconnecting", error);
    }
  }

  private async read(after?: string, status?: InboxEntry["status"], on?: Connection): Promise<Messages> {
    const data = { limit: PAGE, ...(after && { after }), ...(status && { status }) };
    return (await this.requests.call("getMessages", data, on && { on })).data;
  }

  private receiveEntry({ messageId, kind, senderId = "", type, content, timestamp }: InboxEntry): void {
    if (kind === "notification") this.receiveNotification({ ...(content as object), messageId });
    else this.receiveMessage({ messageId, senderId, type, content: String(content), timestamp });
  }

  private remember(id: string): boolean {
    if (!this.seen.add(id)) return false;
    this.recent.push({ id, at: this.now() });
    if (this.recent.length > PAGE) this.settledId();
    return true;
  }

  /** The newest id that came long enough ago. */
  private settledId(): string | undefined {
    const until = this.now() - SETTLED_MS;
    const settled = this.recent.filter(({ at }) => at <= until);
    for (const { id } of settled) if (id > this.after!) this.after = id;
    this.recent = this.recent.filter(({ at }) => at > until);
    return this.after;
  }
}

/** The lowest message id (a ULID) of a time in epoch milliseconds. */
function firstIdOf(ms: number): string {
  let id = "";
  for (let rest = ms, digit = 0; digit < 10; digit += 1, rest = Math.floor(rest / 32))
    id = CROCKFORD[rest % 32]! + id;
  return id.padEnd(26, "0");
}
