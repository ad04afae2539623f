/** Matching for the palette: letters in order, better when they begin words or stand together. */

/** How well `text` answers to `query`; `null` when it does not. */
export function score(query: string, text: string): number | null {
  const wanted = query.toLowerCase().replaceAll(" ", "");
  if (!wanted) return 0;
  const lower = text.toLowerCase();
  const whole = lower.indexOf(query.toLowerCase().trim());
  if (whole >= 0) return 1000 - whole - text.length / 100;
  let total = 0;
  let at = -1;
  for (const letter of wanted) {
    const found = lower.indexOf(letter, at + 1);
    if (found < 0) return null;
    const before = found === 0 ? " " : (lower[found - 1] ?? " ");
    total += found === at + 1 ? 6 : /[\s/_\-.:]/.test(before) ? 4 : 1;
    total -= Math.min(3, (found - at - 1) / 8);
    at = found;
  }
  return total - text.length / 100;
}

/** The best answers, the best first. */
export function best<T>(query: string, items: readonly T[], text: (item: T) => string, limit: number): T[] {
  const found: { item: T; score: number }[] = [];
  for (const item of items) {
    const value = score(query, text(item));
    if (value !== null) found.push({ item, score: value });
  }
  // The sort is stable: equals stay in their order.
  return found.sort((a, b) => b.score - a.score).slice(0, limit).map(({ item }) => item);
}
