// One short sentence that goes by itself.

import { byId } from "./dom.js";

const SHOWN_MS = 4000;
let timer = null;

export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    element.hidden = true;
  }, SHOWN_MS);
}
