// The system's Chromium. Nothing is downloaded.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

export const executable = process.env.CHROMIUM ?? PLACES.find(existsSync) ?? null;

export function launch(args = []) {
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox", "--disable-dev-shm-usage", ...args] });
}
