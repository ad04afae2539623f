/** A snippet in pieces. Places are counted in characters (code points), as the server counts them. */

export function parts(snippet: string, matches: readonly (readonly [number, number])[]): { text: string; isMatch: boolean }[] {
  const characters = Array.from(snippet);
  const found: { text: string; isMatch: boolean }[] = [];
  let at = 0;
  for (const [start, end] of matches) {
    if (start < at || end <= start) continue;
    if (start > at) found.push({ text: characters.slice(at, start).join(""), isMatch: false });
    found.push({ text: characters.slice(start, end).join(""), isMatch: true });
    at = end;
  }
  if (at < characters.length) found.push({ text: characters.slice(at).join(""), isMatch: false });
  return found;
}
