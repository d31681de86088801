// The waterfall of each turn: a table whose third column is drawn to scale, so that it can be read by eye and by ear.

import { byId, el } from "../view/dom.js";

const SHOWN = 12;

export class TimingView {
  constructor(t) {
    this.t = t;
    this.quality = { rttMs: null, jitter: null };
  }

  /** How the line is doing, beside what it cost. */
  line(change) {
    Object.assign(this.quality, change);
    if (byId("panel").hidden) return;
    const { rttMs, jitter } = this.quality;
    const inMs = (ms) => this.t("ms", { ms: ms < 9.95 ? ms.toFixed(1) : Math.round(ms) });
    this.figures("line-figures", [
      ["figureLine", rttMs === null ? "–" : inMs(rttMs)],
      ["figureBuffer", jitter === null ? "–" : inMs(jitter.targetMs)],
      ["figureDropouts", jitter === null ? "–" : String(jitter.underruns)],
    ]);
  }

  figures(id, rows) {
    byId(id).replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, this.t(name)), el("dd", {}, value))));
  }

  show(model) {
    const { t } = this;
    const { count, lastMs, p50Ms, p95Ms } = model.summary();
    byId("timing-nothing").hidden = count > 0;
    byId("legend").hidden = count === 0;
    const inMs = (ms) => (ms === null ? "–" : t("ms", { ms: Math.round(ms) }));
    this.figures("timing-figures", [["figureLast", inMs(lastMs)], ["figureMedian", inMs(p50Ms)], ["figureTail", inMs(p95Ms)]]);
    this.line({});
    byId("waterfalls").replaceChildren(...model.turns.slice(-SHOWN).reverse().map((turn) => this.turn(turn)));
  }

  turn(turn) {
    const { t } = this;
    const fromMs = Math.min(0, ...turn.rows.map((row) => row.fromMs));
    const scaleMs = turn.totalMs - fromMs;
    const head = el("tr", { class: "visually-hidden" }, ...["columnStage", "columnSpan", "columnTime"].map((c) => el("th", { scope: "col" }, t(c))));
    const caption = el("caption", {}, el("strong", {}, t("ms", { ms: Math.round(turn.totalMs) })), el("span", { class: "words", dir: "auto" }, turn.text));
    const rows = turn.rows.map((row) => this.row(row, fromMs, scaleMs));
    const columns = el("colgroup", {}, el("col", { class: "stages" }), el("col"), el("col", { class: "times" }));
    return el("div", { class: "turn" }, el("table", { "aria-label": t("turnSummary", { turn: turn.turnId, ms: Math.round(turn.totalMs) }) }, caption, columns, el("thead", {}, head), el("tbody", {}, ...rows)));
  }

  row(row, fromMs, scaleMs) {
    const name = this.t(`stages.${row.stage}`) ?? row.stage;
    const bar = el("span", {
      class: "bar",
      "data-kind": row.kind,
      "--from": String((row.fromMs - fromMs) / scaleMs),
      "--share": String(Math.min(row.durationMs, scaleMs) / scaleMs),
    });
    const ms = row.durationMs < 9.95 ? row.durationMs.toFixed(1) : String(Math.round(row.durationMs));
    return el("tr", {}, el("th", { scope: "row", title: name }, name), el("td", { class: "track" }, bar), el("td", { class: "ms" }, this.t("ms", { ms })));
  }
}
