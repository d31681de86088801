// The running graph as a drawing: cells are stages, lines are what flows between them, amber is where the time goes.

import { byId, el, svg } from "../view/dom.js";
import { GraphActivity } from "./activity.js";
import { CELL, edgePath, layoutGraph } from "./layout.js";

export class GraphView {
  constructor(t) {
    this.t = t;
    this.activity = new GraphActivity();
    this.drawnFor = null;
  }

  clear() {
    this.activity = new GraphActivity();
    this.drawnFor = null;
    byId("graph-nothing").hidden = false;
    for (const id of ["graph-view", "graph-figures", "graph-table", "graph-verdict"]) byId(id).replaceChildren();
  }

  show(stats) {
    const picture = this.activity.update(stats);
    byId("graph-nothing").hidden = picture.nodes.length > 0;
    const shape = JSON.stringify([picture.name, picture.nodes.map((n) => n.name), picture.links.map((l) => l.key)]);
    if (shape !== this.drawnFor) this.draw(picture);
    this.drawnFor = shape;
    for (const node of picture.nodes) this.refreshNode(node, picture.hottest);
    for (const link of picture.links) this.refreshLink(link);
    this.verdict(picture);
    this.table(picture);
    this.figures(stats.session ?? {});
  }

  draw({ nodes, edges, links }) {
    const { place, width, height } = layoutGraph(nodes, edges);
    const label = this.t("graphDescription", { nodes: nodes.length, names: nodes.map((n) => n.name).join(", ") });
    const drawing = svg("svg", { viewBox: `-32 0 ${width + 64} ${height}`, role: "img", "aria-label": label });
    this.lines = new Map();
    this.cells = new Map();
    links.forEach((link, lane) => {
      const [above, below] = [place.get(link.from), place.get(link.to)].sort((a, b) => a?.y - b?.y);
      if (!above || !below || above === below) return;
      const line = svg("path", { d: edgePath(above, below, { lane: lane % 4, all: [...place.values()] }) }, svg("title", {}, `${link.from} – ${link.to}: ${[...link.names].join(", ")}`));
      this.lines.set(link.key, line);
      drawing.append(line);
    });
    for (const node of nodes) drawing.append(this.cell(node, place.get(node.name)));
    byId("graph-view").replaceChildren(drawing);
  }

  cell(node, { x, y }) {
    const numbers = svg("text", { class: "sub", x: 10, y: 33 });
    const busy = svg("rect", { class: "busy", x: 10, y: CELL.height - 7, width: 0, height: 2.5, rx: 1.5 });
    const group = svg(
      "g",
      { class: "node", transform: `translate(${x} ${y})` },
      svg("title", {}, node.addon),
      svg("rect", { class: "cell", width: CELL.width, height: CELL.height, rx: 10 }),
      svg("text", { x: 10, y: 18 }, shorten(node.name, 14)),
      numbers,
      busy,
    );
    this.cells.set(node.name, { group, numbers, busy });
    return group;
  }

  refreshNode(node, hottest) {
    const { group, numbers, busy } = this.cells.get(node.name);
    group.classList.toggle("hot", hottest !== null && node.name === hottest.name);
    group.classList.toggle("dropping", node.newlyDropped > 0);
    const waiting = node.queue > 0 ? ` · ${this.t("graphWaiting", { count: node.queue })}` : "";
    numbers.textContent = `${this.t("perSecond", { count: rate(node.perSecond) })}${waiting}`;
    busy.setAttribute("width", String(Math.min(1, node.share) * (CELL.width - 20)));
  }

  refreshLink(link) {
    const kind = link.soundPerSecond > 0 ? "audio" : "data";
    const line = this.lines.get(link.key);
    line?.setAttribute("class", link.perSecond > 0 ? `${kind} live` : kind);
    // Ten times the messages, one step thicker.
    line?.style.setProperty("--flow", `${(1.2 + 0.8 * Math.log10(1 + Math.max(0, link.perSecond))).toFixed(1)}px`);
  }

  verdict({ hottest, nodes }) {
    const dropping = nodes.find((node) => node.newlyDropped > 0);
    const sentence = dropping
      ? this.t("graphDrops", { node: dropping.name, count: dropping.newlyDropped })
      : hottest
        ? this.t("graphVerdict", { node: hottest.name, ms: Math.round(hottest.perTurnMs), share: Math.round(hottest.share * 100) })
        : this.t("graphQuiet");
    byId("graph-verdict").textContent = sentence;
  }

  table({ nodes }) {
    const head = ["columnNode", "columnRate", "columnPerTurn", "columnQueue", "columnDropped"].map((c) => el("th", { scope: "col" }, this.t(c)));
    const rows = nodes.map((node) =>
      el("tr", {}, el("th", { scope: "row" }, node.name), el("td", {}, rate(node.perSecond)), el("td", {}, this.t("ms", { ms: Math.round(node.perTurnMs) })), el("td", {}, `${node.queue} / ${node.queue_max}`), el("td", {}, String(node.dropped))),
    );
    byId("graph-table").replaceChildren(el("table", { class: "plain" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
  }

  figures(session) {
    const rows = [
      ["figureTurns", session.turns ?? 0],
      ["figureLoopLag", this.t("ms", { ms: Math.round((session.loop_lag_ms ?? 0) * 10) / 10 })],
      ["figureHeld", this.t("seconds", { s: ((session.held_audio_ms ?? 0) / 1000).toFixed(1) })],
    ];
    byId("graph-figures").replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, this.t(name)), el("dd", {}, String(value)))));
  }
}

function rate(perSecond) {
  return perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

function shorten(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
