import { expectTypeOf, test } from "vitest";
import type { DealEvent, DealsClient, Filters } from "../src/index.js";

interface Laptop {
  title: string;
  price: number;
  tags?: string[];
}

// Only the types are looked at: `npm run lint` fails where one of these lines is wrong.
function subscribe(client: DealsClient): void {
  client.subscribe<Laptop>("electronics.laptops", {
    filters: { price: { lt: 900 }, title: ["a", "b"], tags: "new", minPrice: 5, brand: "x" },
    onEvent: (event) => expectTypeOf(event.data.price).toEqualTypeOf<number>(),
  });
  // @ts-expect-error a price is a number
  client.subscribe<Laptop>("electronics.laptops", { filters: { price: "900" } });
  // @ts-expect-error an operator that there is not
  client.subscribe("electronics.laptops", { filters: { price: { below: 900 } } });
  // @ts-expect-error an event name that there is not
  client.on("massage", () => {});
}

test("filters and events are typed by the data of a topic", () => {
  expectTypeOf(subscribe).toBeFunction();
  expectTypeOf<Filters>().toMatchTypeOf<object>();
  expectTypeOf<DealEvent<Laptop>["data"]>().toEqualTypeOf<Laptop>();
});
