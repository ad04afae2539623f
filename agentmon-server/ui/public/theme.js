// Before the first paint: the chosen theme, so that the page does not flash. The choice is kept by src/lib/theme.ts.
try {
  const theme = localStorage.getItem("agentmon.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system decides.
}
