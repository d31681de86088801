// One side panel with four sheets. Focus goes in with it and comes back out.

import { byId } from "../view/dom.js";

export class Panels {
  constructor({ t, onChange }) {
    Object.assign(this, { t, onChange });
    this.open = null;
    this.opener = null;
    this.buttons = [...document.querySelectorAll("[data-panel]")];
    for (const button of this.buttons) {
      button.addEventListener("click", () => (this.open === button.dataset.panel ? this.close() : this.show(button.dataset.panel, button)));
    }
    byId("panel-close").addEventListener("click", () => this.close());
  }

  show(name, opener = document.activeElement) {
    this.open = name;
    this.opener = opener;
    byId("panel").hidden = false;
    for (const sheet of document.querySelectorAll("[data-sheet]")) sheet.hidden = sheet.dataset.sheet !== name;
    this.retitle();
    byId("panel-title").focus();
    this.mark();
  }

  close() {
    if (this.open === null) return;
    this.open = null;
    byId("panel").hidden = true;
    this.mark();
    this.opener?.focus?.();
  }

  retitle() {
    if (this.open !== null) byId("panel-title").textContent = this.t(this.open === "graph" ? "graphPanel" : this.open);
  }

  mark() {
    for (const button of this.buttons) button.setAttribute("aria-expanded", String(button.dataset.panel === this.open));
    this.onChange(this.open);
  }
}
