import { place } from "../store/cloud";
import { Announcer } from "./announcer";
import { BreakIt } from "./break_it";
import { Charts } from "./charts";
import { Deals } from "./deals";
import { Dialogs } from "./dialogs";
import { Frames } from "./frames";
import { Inbox } from "./inbox";
import { Service } from "./service";
import { StateBar } from "./state_bar";
import { Wishes } from "./wishes";

export function App() {
  const isLocal = place.value?.isLocal;
  return (
    <>
      <a class="skip" href="#deals-title">
        To the deals
      </a>
      <StateBar />
      <main>
        <div class="column middle">
          <Deals />
          <Charts />
        </div>
        <div class="column left">
          <Wishes />
          <Inbox />
        </div>
        <div class="column right">
          {isLocal && <BreakIt />}
          {isLocal && <Service />}
        </div>
        <div class="whole-width">
          <Frames />
        </div>
      </main>
      <Dialogs />
      <Announcer />
    </>
  );
}
