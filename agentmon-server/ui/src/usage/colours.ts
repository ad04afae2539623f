/** Colours of series: told apart by hue and by lightness, on dark and on light ground. */

export const SERIES = [
  "light-dark(#2f6fd0, #6fa8f5)",
  "light-dark(#0f8a6a, #5fcaa9)",
  "light-dark(#a8660a, #f0b04c)",
  "light-dark(#7a4fd0, #b8a0f6)",
  "light-dark(#c0433c, #f5827b)",
  "light-dark(#1583a3, #74c4dd)",
  "light-dark(#a13d86, #e59ad0)",
  "light-dark(#8b94a1, #78818f)",
] as const;

export function seriesColour(index: number): string {
  return SERIES[index % SERIES.length] ?? SERIES[0];
}

/** A colour as a canvas understands it: resolved for the theme that is on. */
export function resolved(colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
