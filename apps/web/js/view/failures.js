// Each failure has its own plain sentence and a way out. The table is the design; the view only shows it.

import { byId, el } from "./dom.js";

const WAYS = Object.freeze({
  microphone_refused: ["retry", "type"],
  microphone_busy: ["retry", "type"],
  no_microphone: ["retry", "type"],
  microphone_lost: ["retry", "type"],
  microphone_silenced: ["dismiss", "type"],
  no_https: ["type"],
  no_audio_support: ["type"],
  server_gone: ["retry"],
  server_draining: ["retry"],
  at_capacity: ["retry"],
  token_needed: [],
  origin_refused: ["reload"],
  taken_over: ["talk"],
  idle: ["talk"],
  slow_line: ["dismiss"],
  rate_limited: ["talk"],
  unsupported: ["reload"],
  malformed: ["reload"],
  graph_failed: ["talk", "pipelines"],
  audio_blocked: ["wake"],
  export_empty: ["dismiss"],
});

/** These are over as soon as the line is back. */
const OF_THE_LINE = new Set(["server_gone", "server_draining", "at_capacity", "slow_line", "token_needed", "taken_over", "idle", "rate_limited", "graph_failed"]);

export class FailureView {
  constructor({ t, act }) {
    Object.assign(this, { t, act });
    this.code = null;
    byId("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.act("token", byId("token").value.trim());
    });
  }

  show({ code, text }) {
    this.code = code;
    const own = this.t(`failures.${code}`);
    // A pipeline that cannot run says itself what to do about it.
    byId("failure-text").textContent = code === "graph_failed" && text ? `${own} ${text}` : (own ?? text ?? code);
    byId("token-form").hidden = code !== "token_needed";
    const ways = WAYS[code] ?? ["dismiss"];
    byId("failure-ways").replaceChildren(...ways.map((way) => el("button", { type: "button", "data-way": way, onclick: () => this.act(way) }, this.t(`ways.${way}`))));
    byId("failure").hidden = false;
    if (code === "token_needed") byId("token").focus();
  }

  hide() {
    const hadFocus = byId("failure").contains(document.activeElement);
    this.code = null;
    byId("failure").hidden = true;
    // Who came by keyboard must not be thrown back to the top of the page.
    if (hadFocus) byId("talk").focus();
  }

  lineIsBack() {
    if (OF_THE_LINE.has(this.code)) this.hide();
  }

  isOver(code) {
    if (this.code === code) this.hide();
  }
}
