import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

export const theme = signal<Theme>(read("theme", ["auto", "light", "dark"]) as Theme);
/** Whether the single keys `p`, `/` and `?` do something. */
export const hasKeys = signal(read("keys", ["on", "off"]) === "on");
/** Whether screen readers hear of new deals. */
export const speaks = signal(read("speaks", ["on", "off"]) === "on");

effect(() => {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  save("theme", theme.value);
  save("keys", hasKeys.value ? "on" : "off");
  save("speaks", speaks.value ? "on" : "off");
});

/** A choice that was made before; the first of the possible ones else. No token is ever among them. */
function read(name: string, possible: string[]): string {
  try {
    const value = localStorage.getItem(`deals-console.${name}`) ?? "";
    return possible.includes(value) ? value : possible[0]!;
  } catch {
    return possible[0]!; // a browser may forbid storage
  }
}

function save(name: string, value: string): void {
  try {
    localStorage.setItem(`deals-console.${name}`, value);
  } catch {
    // then the choice lasts as long as the page
  }
}
