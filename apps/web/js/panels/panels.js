// One side panel with four sheets. Focus goes in with it and comes back out. Where it lies over the conversation as a sheet, what is under
// it can be reached neither by key nor by touch.

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
    byId("scrim").addEventListener("click", () => this.close());
    this.narrow = matchMedia("(max-width: 56rem)");
    this.narrow.addEventListener("change", () => this.cover());
  }

  show(name, opener = document.activeElement) {
    this.open = name;
    this.opener = opener;
    byId("panel").hidden = false;
    this.cover();
    for (const sheet of document.querySelectorAll("[data-sheet]")) sheet.hidden = sheet.dataset.sheet !== name;
    this.retitle();
    byId("panel-title").focus();
    this.mark();
  }

  close() {
    if (this.open === null) return;
    this.open = null;
    byId("panel").hidden = true;
    this.cover();
    this.mark();
    this.opener?.focus?.();
  }

  cover() {
    this.isSheet = this.open !== null && this.narrow.matches;
    byId("conversation").inert = this.isSheet;
    byId("scrim").hidden = !this.isSheet;
  }

  /** Something has to be seen that the sheet lies over. */
  makeRoom() {
    if (this.isSheet) this.close();
  }

  retitle() {
    if (this.open !== null) byId("panel-title").textContent = this.t(this.open === "graph" ? "graphPanel" : this.open);
  }

  mark() {
    for (const button of this.buttons) button.setAttribute("aria-expanded", String(button.dataset.panel === this.open));
    this.onChange(this.open);
  }
}
