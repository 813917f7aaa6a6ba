import { computed, signal } from "@preact/signals";
import { DealsClient, type InboxEntry } from "deals-client";
import { fetchToken, place } from "./cloud";
import { currentClient, onClient, source } from "./connection";

/** A message of the inbox, or one that the reader wrote. */
export interface Note {
  id: string;
  /** The other side. */
  with: string;
  isOwn: boolean;
  text: string;
  at: number;
  status: "sending" | "sent" | "delivered" | "read" | "failed";
  problem?: string;
}

export const notes = signal<readonly Note[]>([]);
export const unread = computed(
  () => notes.value.filter(({ isOwn, status }) => !isOwn && status !== "read").length,
);

const NOTES_MAX = 200;
const ANSWER_AFTER_MS = 1_500;
let numbers = 0;

/** Write to a user. A demo person reads it, and answers. */
export async function write(to: string, text: string): Promise<void> {
  const client = currentClient();
  if (!client) return;
  numbers += 1;
  const id = `own-${numbers}`;
  keep({ id, with: to, isOwn: true, text, at: Date.now(), status: "sending" });
  const user = source.peek().kind === "person" ? (source.peek() as { user: string }).user : "";
  const isDemo = place.peek()?.people.some(({ user_id }) => user_id === to) && to !== user;
  const answering = isDemo ? answerAs(to) : undefined;
  try {
    await answering; // connected
    const { messageId } = await client.sendMessage(to, text);
    change(id, { id: messageId, status: "sent" });
  } catch (error) {
    change(id, { status: "failed", problem: error instanceof Error ? error.message : String(error) });
  }
}

/** Record that a message was read. */
export async function acknowledge(id: string): Promise<void> {
  try {
    await currentClient()?.ack(id, "read");
    change(id, { status: "read" });
  } catch (error) {
    change(id, { problem: error instanceof Error ? error.message : String(error) });
  }
}

/** A demo person connects, reads the next message, answers it, and leaves. Resolves when connected. */
async function answerAs(user: string): Promise<void> {
  const person = new DealsClient({ url: place.peek()!.url, getToken: () => fetchToken(user) });
  const leave = setTimeout(() => void person.close(), 30_000);
  person.on("message", async ({ messageId, senderId }) => {
    try {
      await person.ack(messageId, "delivered");
      await new Promise((resolve) => setTimeout(resolve, ANSWER_AFTER_MS));
      await person.ack(messageId, "read");
      await person.sendMessage(senderId, "Yes, let us. I saw it too.");
    } finally {
      clearTimeout(leave);
      void person.close();
    }
  });
  await person.connect();
}

onClient((client) => {
  notes.value = [];
  client.on("message", ({ messageId, senderId, content, timestamp }) =>
    keep({
      id: messageId,
      with: senderId,
      isOwn: false,
      text: content,
      at: timestamp * 1_000,
      status: "sent",
    }),
  );
  client.on("notification", ({ messageId, title, message }) =>
    keep({
      id: messageId,
      with: "notification",
      isOwn: false,
      text: [title, message].filter(Boolean).join(": "),
      at: Date.now(),
      status: "sent",
    }),
  );
  client.on("messageStatus", ({ messageId, type }) => {
    const note = notes.peek().find(({ id }) => id === messageId);
    if (note?.status !== "read") change(messageId, { status: type });
  });
  const stopListening = client.on("state", ({ state }) => {
    if (state !== "connected") return;
    stopListening();
    void readInbox(client);
  });
});

async function readInbox(client: DealsClient): Promise<void> {
  try {
    for await (const entry of client.inbox()) if (client === currentClient()) keep(toNote(entry));
  } catch {
    // what comes later is pushed
  }
}

function toNote({ messageId, senderId, content, timestamp, status }: InboxEntry): Note {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return {
    id: messageId,
    with: senderId ?? "notification",
    isOwn: false,
    text,
    at: timestamp * 1_000,
    status,
  };
}

function keep(note: Note): void {
  if (notes.peek().some(({ id }) => id === note.id)) return;
  notes.value = [note, ...notes.peek()].sort((a, b) => b.at - a.at).slice(0, NOTES_MAX);
}

function change(id: string, fields: Partial<Note>): void {
  notes.value = notes.peek().map((note) => (note.id === id ? { ...note, ...fields } : note));
}
