// Every pipeline the server offers, with what it needs and whether it can run here: a list can say what a menu has no room for.

import { byId, el } from "./dom.js";
import { inLanguage } from "./graph-switch.js";

export class PipelineList {
  constructor({ t, onChoose }) {
    Object.assign(this, { t, language: "en", onChoose });
    this.graphs = [];
    this.current = null;
  }

  offer(graphs) {
    this.graphs = graphs;
    this.draw();
  }

  speak(language) {
    this.language = language;
    this.draw();
  }

  /** `isRunning`: as opposed to chosen for the next conversation. */
  mark(name, isRunning) {
    if (this.current === name && this.isRunning === isRunning) return;
    Object.assign(this, { current: name, isRunning });
    this.draw();
  }

  draw() {
    byId("pipelines-title").hidden = this.graphs.length === 0;
    byId("pipelines").replaceChildren(...this.graphs.map((graph) => this.line(graph)));
  }

  line({ name, title, description, needs, available, reason, remedy }) {
    const { t, language } = this;
    const shown = inLanguage(title, language) || name;
    const about = inLanguage(description, language);
    const wants = needs?.length ? t("pipelineNeeds", { needs: needs.join(", ") }) : null;
    const why = available ? null : [reason, remedy].filter(Boolean).join("; ");
    const words = [about, why ?? wants].filter(Boolean).map((text) => el("p", {}, text));
    return el("li", {}, el("div", {}, el("strong", {}, shown), ...words), this.action(name, shown, available));
  }

  action(name, shown, available) {
    if (name === this.current) return el("span", { class: "current" }, this.t(this.isRunning ? "pipelineRuns" : "pipelineChosen"));
    if (!available) return null;
    return el("button", { type: "button", "aria-label": `${this.t("pipelineUse")}: ${shown}`, onclick: () => this.onChoose(name) }, this.t("pipelineUse"));
  }
}
