// Which pipeline runs, and which others could: those that cannot run here say why.

import { byId, el } from "./dom.js";

export class GraphSwitch {
  constructor({ t, onChoose }) {
    this.t = t;
    this.select = byId("graph");
    this.select.addEventListener("change", () => onChoose(this.select.value));
  }

  offer({ graphs, default: preset }, chosen) {
    this.select.replaceChildren(
      ...graphs.map((graph) => {
        const title = graph.title || graph.name;
        const why = [graph.reason, graph.remedy].filter(Boolean).join(" ");
        return el("option", { value: graph.name, disabled: !graph.available, title: why || graph.description }, graph.available ? title : this.t("graphUnavailable", { title }));
      }),
    );
    byId("graph-switch").hidden = graphs.length === 0;
    this.running(graphs.some((g) => g.name === chosen && g.available) ? chosen : preset);
  }

  running(name) {
    this.select.value = name;
  }
}
