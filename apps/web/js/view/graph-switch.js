// The menu of pipelines: those that cannot run here say why.

import { byId, el } from "./dom.js";

/** Titles come in several languages. */
export function inLanguage(texts, language) {
  if (typeof texts === "string") return texts;
  return texts?.[language] ?? texts?.en ?? Object.values(texts ?? {})[0] ?? "";
}

export class GraphSwitch {
  constructor({ t, onChoose }) {
    Object.assign(this, { t, language: "en", graphs: [] });
    this.select = byId("graph");
    this.select.addEventListener("change", () => onChoose(this.select.value));
  }

  offer(graphs) {
    this.graphs = graphs;
    this.draw();
  }

  speak(language) {
    this.language = language;
    const chosen = this.name;
    this.draw();
    this.choose(chosen);
  }

  draw() {
    const { graphs } = this;
    this.select.replaceChildren(
      ...graphs.map((graph) => {
        const title = inLanguage(graph.title, this.language) || graph.name;
        const description = inLanguage(graph.description, this.language);
        const why = [graph.reason, graph.remedy].filter(Boolean).join(" ");
        return el("option", { value: graph.name, disabled: !graph.available, title: why || description }, graph.available ? title : this.t("graphUnavailable", { title }));
      }),
    );
    byId("graph-switch").hidden = graphs.length === 0;
  }

  get name() {
    return this.select.value;
  }

  choose(name) {
    this.select.value = name;
  }
}
