import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { SHOWN_MAX, showSigns } from "../logic/visible";

const narrow = matchMedia("(max-width: 899px)");
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

/** A part of the page that can be folded; folded at first on a narrow screen. */
export function Region(props: {
  id: string;
  title: string;
  aside?: ComponentChildren;
  isFolded?: boolean;
  children: ComponentChildren;
}) {
  const isOpen = useSignal(!(props.isFolded || isNarrow.peek()));
  return (
    <details
      class="region"
      id={props.id}
      open={isOpen.value}
      onToggle={(event) => (isOpen.value = event.currentTarget.open)}
    >
      <summary>
        <h2>{props.title}</h2>
        <span class="aside">{props.aside}</span>
      </summary>
      {isOpen.value && <div class="body">{props.children}</div>}
    </details>
  );
}

/** Text of somebody else: never markup, its own direction, cut where it is long. */
export function Foreign({ text, signs }: { text: string; signs?: boolean }) {
  const isWhole = useSignal(false);
  const cut = text.length > SHOWN_MAX && !isWhole.value ? text.slice(0, SHOWN_MAX) : text;
  return (
    <>
      <bdi dir="auto">{signs ? showSigns(cut) : cut}</bdi>
      {cut.length < text.length && (
        <button type="button" class="quiet" onClick={() => (isWhole.value = true)}>
          show all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text, label, name }: { text: () => string; label: string; name?: string }) {
  const said = useSignal("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      said.value = "copied";
    } catch {
      said.value = "not allowed";
    }
    setTimeout(() => (said.value = ""), 2_000);
  };
  return (
    <button type="button" class="quiet" aria-label={name} onClick={() => void copy()}>
      {said.value || label}
    </button>
  );
}
