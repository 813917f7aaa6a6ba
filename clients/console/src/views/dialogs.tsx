import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { findFaults, readClaims } from "../logic/token";
import { place } from "../store/cloud";
import { changeSource, isSecondTicking, source } from "../store/connection";
import { logs } from "../store/picture";
import { hasKeys, speaks } from "../store/preferences";

type Name = "who" | "keys" | "logs";

const opened = signal<Name | undefined>(undefined);

export function openDialog(name: Name): void {
  opened.value = name;
}

export function Dialogs() {
  const name = opened.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (name) dialog.current?.showModal();
    else dialog.current?.close();
  }, [name]);
  const titles = {
    who: "Who connects",
    keys: "Keys and help",
    logs: `Last lines of ${logs.value?.name ?? ""}`,
  };
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={() => (opened.value = undefined)}>
      <h2 id="dialog-title">{name && titles[name]}</h2>
      {name === "who" && <Who />}
      {name === "keys" && <Keys />}
      {name === "logs" && (
        <pre tabIndex={0} class="log">
          {logs.value?.lines.join("\n")}
        </pre>
      )}
      <button type="button" onClick={() => (opened.value = undefined)}>
        Close
      </button>
    </dialog>
  );
}

function Who() {
  const token = useSignal("");
  const isKept = useSignal(false);
  const { value } = source;
  const faults = token.value ? findFaults(readClaims(token.value), isSecondTicking.value) : [];
  const use = (): void => {
    changeSource({ kind: "pasted", token: token.value.trim() }, isKept.value);
    opened.value = undefined;
  };
  return (
    <>
      {place.value?.isLocal && (
        <p class="row">
          {place.value.people.map(({ user_id, name }) => (
            <button
              type="button"
              key={user_id}
              aria-pressed={value.kind === "person" && value.user === user_id}
              onClick={() => {
                changeSource({ kind: "person", user: user_id });
                opened.value = undefined;
              }}
            >
              {name}
            </button>
          ))}
        </p>
      )}
      <label class="field">
        A token of your own
        <textarea
          rows={4}
          spellcheck={false}
          autocomplete="off"
          value={token.value}
          onInput={(event) => (token.value = event.currentTarget.value)}
          aria-describedby="token-help"
        />
      </label>
      <div id="token-help" class="muted">
        {faults.length > 0 ? (
          <ul class="problem">
            {faults.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        ) : (
          "It stays in this page's memory. It is in no link, no copied code and no saved file."
        )}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={isKept.value}
          onChange={(event) => (isKept.value = event.currentTarget.checked)}
        />
        Keep it until this tab closes
      </label>
      <p>
        <button type="button" class="primary" disabled={!token.value.trim()} onClick={use}>
          Connect with it
        </button>
      </p>
    </>
  );
}

function Keys() {
  return (
    <>
      <table>
        <caption class="hidden">Keys</caption>
        <tbody>
          <tr>
            <th scope="row">
              <kbd>p</kbd>
            </th>
            <td>pauses the list of deals, and goes on</td>
          </tr>
          <tr>
            <th scope="row">
              <kbd>/</kbd>
            </th>
            <td>goes to the filter of the frames</td>
          </tr>
          <tr>
            <th scope="row">
              <kbd>?</kbd>
            </th>
            <td>opens this</td>
          </tr>
        </tbody>
      </table>
      <label class="check">
        <input
          type="checkbox"
          checked={hasKeys.value}
          onChange={(event) => (hasKeys.value = event.currentTarget.checked)}
        />
        Single keys do something
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={speaks.value}
          onChange={(event) => (speaks.value = event.currentTarget.checked)}
        />
        Tell screen readers of new deals, at most every ten seconds
      </label>
      <p class="muted">
        The sentence at the top compares what the feed says it published with what came, by a matcher of this
        page's own. Latency is measured from the deal's own time of publishing; without one it is “–”.
      </p>
    </>
  );
}
