// Runs the built JavaScript client for a test: commands come in as JSON lines, what the client tells goes out.
//
// node javascript_client.mjs WEBSOCKET_URL; the tokens come as commands, so that none is in an argument.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { tapFrames } from "../../clients/javascript/dist/frames.js";
import { DealsClient, NotAuthorized } from "../../clients/javascript/dist/index.js";

const require = createRequire(new URL("../../clients/javascript/package.json", import.meta.url));
const tell = (on, fields = {}) => process.stdout.write(`${JSON.stringify({ on, ...fields })}\n`);

let token;
let socket;
const Tapped = tapFrames(require("ws"), ({ direction, text }) => tell("frame", { direction, frame: JSON.parse(text) }));
class WebSocket extends Tapped {
  constructor(...args) {
    super(...args);
    socket = this;
  }
}

const client = new DealsClient({
  url: process.argv[2],
  WebSocket,
  getToken: ({ reason }) => {
    tell("token", { reason });
    if (token === null) throw new NotAuthorized("signed out");
    return token;
  },
});
for (const name of ["state", "message", "notification", "messageStatus"]) client.on(name, (data) => tell(name, { data }));
client.on("warning", ({ code, message }) => tell("warning", { data: { code, message } }));

const subscriptions = new Map();
const commands = {
  token: ({ value }) => void (token = value),
  connect: () => client.connect(),
  async subscribe({ topic, options = {} }) {
    const subscription = client.subscribe(topic, {
      ...options,
      onEvent: (event) => tell("event", { data: event }),
      onGap: (gap) => tell("gap", { data: gap }),
    });
    subscriptions.set(topic, subscription);
    return subscription.ready;
  },
  unsubscribe: ({ topic }) => subscriptions.get(topic).unsubscribe(),
  send: ({ recipient, content, options }) => client.sendMessage(recipient, content, options),
  /** The connection breaks without a close frame, and what comes at that moment is lost. */
  drop: () => socket.terminate(),
  /** Send a message, and lose the connection as soon as the frame is out. */
  async sendAndDrop({ recipient, content }) {
    const sent = client.sendMessage(recipient, content);
    socket._socket.write("", () => setTimeout(() => socket.terminate(), 50));
    socket.removeAllListeners("message");
    return sent;
  },
  status: () => client.status(),
  presence: ({ users }) => client.presence(users),
  async inbox() {
    const entries = [];
    for await (const entry of client.inbox()) entries.push(entry);
    return entries;
  },
  ack: ({ message_id }) => client.ack(message_id),
  close: () => client.close(),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { do: name, id, ...fields } = JSON.parse(line);
  try {
    tell("done", { id, result: (await commands[name](fields)) ?? null });
  } catch (error) {
    tell("done", { id, error: { name: error.name, message: error.message } });
  }
  // Whatever the client left behind would now keep the process alive.
  if (name === "close") process.stdin.destroy();
});
