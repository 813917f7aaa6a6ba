/** The ids that came lately, at most `max` of them: what drops repeats. */
export class Seen {
  private readonly ids = new Set<string>();

  constructor(private readonly max: number) {}

  get size(): number {
    return this.ids.size;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /** Remember an id; false if it is known. */
  add(id: string): boolean {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    if (this.ids.size > this.max) this.ids.delete(this.ids.values().next().value as string);
    return true;
  }

  /** The `count` ids that came last, oldest first. */
  last(count: number): string[] {
    return [...this.ids].slice(-count);
  }
}
