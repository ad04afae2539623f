/** Starts what runs as long as the tab, and draws the page. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { navigate } from "wouter/use-browser-location";
import { startAttention } from "./app/attention";
import { App } from "./app/App";
import { show } from "./app/overlay";
import { loadLater } from "./app/screens";
import { startClock } from "./lib/clock";
import { startKeys } from "./lib/keys";
import { startLive } from "./live/live";
import "./style.css";

startClock();
startKeys();
startAttention(navigate);
startLive();
loadLater();
window.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    show("palette");
  }
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
