/** Terminal output as styled pieces of text. Colours and weights are kept; everything else of a terminal's language is dropped. */

export interface Piece {
  text: string;
  /** A colour for CSS, or none. */
  fg: string | null;
  bg: string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

type Style = Omit<Piece, "text">;

const PLAIN: Style = { fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, inverse: false };

// CSI with any parameters; OSC up to its end; other escapes of two or three characters; lone controls but tab and newline.
// eslint-disable-next-line no-control-regex
const CODES = /\u001b\[([0-9;:?<=>!]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b[PX^_][^\u001b]*(?:\u001b\\|$)|\u001b[ -/]*[0-~]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Whether text has anything of a terminal's language in it. */
export function hasAnsi(text: string): boolean {
  return text.includes("\u001b") || text.includes("\r");
}

export function parseAnsi(text: string): Piece[] {
  const pieces: Piece[] = [];
  let style = PLAIN;
  let from = 0;
  const source = overwrite(text);
  const push = (part: string) => {
    if (part) pieces.push({ ...style, text: part });
  };
  for (const match of source.matchAll(CODES)) {
    push(source.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = sgr(style, match[1] ?? "");
  }
  push(source.slice(from));
  return pieces;
}

/** A carriage return begins its line anew, as progress bars do: the last version stays. */
function overwrite(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => {
      const parts = line.split("\r").filter(Boolean);
      return parts.at(-1) ?? "";
    })
    .join("\n");
}

function sgr(before: Style, parameters: string): Style {
  const style = { ...before };
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code >= 30 && code <= 37) style.fg = named(code - 30);
    else if (code >= 90 && code <= 97) style.fg = named(code - 90);
    else if (code >= 40 && code <= 47) style.bg = named(code - 40);
    else if (code >= 100 && code <= 107) style.bg = named(code - 100);
    else if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(at + 1));
      if (code === 38) style.fg = colour;
      else style.bg = colour;
      at += used;
    }
  }
  return style;
}

function named(index: number): string {
  return `var(--c${index})`;
}

function extended(codes: readonly number[]): { colour: string | null; used: number } {
  const byte = (value: number | undefined) => Math.max(0, Math.min(255, Math.trunc(value ?? 0) || 0));
  if (codes[0] === 2) return { colour: `rgb(${byte(codes[1])} ${byte(codes[2])} ${byte(codes[3])})`, used: 4 };
  if (codes[0] !== 5) return { colour: null, used: 0 };
  const index = byte(codes[1]);
  if (index < 16) return { colour: named(index % 8), used: 2 };
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return { colour: `rgb(${grey} ${grey} ${grey})`, used: 2 };
  }
  const level = (step: number) => (step ? 55 + step * 40 : 0);
  const cube = index - 16;
  return {
    colour: `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`,
    used: 2,
  };
}
