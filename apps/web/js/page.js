// Joins the conversation to what is seen. Every listener of the page is registered here, so that one file tells what leads to what.

import { CaptionView, announcer } from "./captions/view.js";
import { GraphView } from "./graph/view.js";
import { chooseLanguage, htmlLanguage, translator } from "./i18n/translator.js";
import { MemoryPanel } from "./panels/memory.js";
import { Panels } from "./panels/panels.js";
import { SettingsPanel } from "./panels/settings.js";
import { SettingsStore } from "./talk/settings-store.js";
import { transcriptText } from "./talk/transcript.js";
import { TimingView } from "./timing/view.js";
import { applyLanguage, byId } from "./view/dom.js";
import { download } from "./view/download.js";
import { FailureView } from "./view/failures.js";
import { GraphChoice } from "./view/graph-choice.js";
import { listenToKeys } from "./view/keyboard.js";
import { Orb } from "./view/orb.js";
import { Stage } from "./view/stage.js";
import { toast } from "./view/toast.js";
import { WakeLock } from "./view/wake-lock.js";
import { encodeWav } from "./audio/wav.js";
import { INPUT_RATE_HZ } from "./talk/session.js";

export class Page {
  constructor({ conversation, server, settings, useToken }) {
    Object.assign(this, { conversation, server, settings, useToken });
    // One function for all views, so that a change of language reaches them all.
    const t = (key, values) => this.sentences(key, values);
    this.t = t;
    this.orb = new Orb(byId("orb"), byId("light"));
    this.stage = new Stage({ t, orb: this.orb, settings });
    this.captions = new CaptionView({
      list: byId("captions"), scroller: byId("captions-scroll"), newest: byId("newest"), t, announce: announcer(), onMemory: () => this.panels.show("memory"),
    });
    this.timing = new TimingView(t);
    this.graph = new GraphView(t);
    this.memory = new MemoryPanel({ t, server });
    this.graphs = new GraphChoice({ t, onChoose: (name) => this.chooseGraph(name) });
    this.settingsPanel = new SettingsPanel({ t, store: settings, onChange: (name, value) => this.settingChanged(name, value) });
    this.panels = new Panels({ t, onChange: (open) => this.panelChanged(open) });
    this.failures = new FailureView({ t, act: (way, value) => this.takeWay(way, value) });
    this.wakeLock = new WakeLock();
    this.dress();
    this.listen();
    this.wire();
    this.ask();
  }

  dress() {
    this.dressTheme();
    this.speak();
    this.stage.show("idle");
  }

  /** Every sentence of the page in the person's language. What was said stays as it was said. */
  speak() {
    const language = chooseLanguage([this.settings.get("language"), ...navigator.languages].filter(Boolean));
    this.sentences = translator(language);
    document.documentElement.lang = htmlLanguage[language];
    applyLanguage(this.t);
    this.stage.words();
    this.timing.show(this.conversation.timing);
    this.graph.drawnFor = null;
    this.panels.retitle();
    this.graphs.speak(language);
  }

  /** What leads from the conversation to the page. */
  listen() {
    const { conversation } = this;
    conversation.on("state", (state) => this.stage.show(state));
    conversation.on("status", (change) => this.statusChanged(change));
    conversation.on("level", (level) => this.orb.hear(level));
    conversation.on("entry", (entry) => this.entry(entry));
    conversation.on("sounding", ({ entry, on }) => this.captions.sounding(entry, on));
    conversation.on("cleared", () => this.cleared());
    conversation.on("timing", (timing) => this.timing.show(timing));
    conversation.on("stats", (stats) => this.graph.show(stats));
    conversation.on("memory", ({ items }) => this.memory.highlight(items ?? []));
    conversation.on("notice", ({ text }) => toast(text));
    conversation.on("error", ({ text }) => text && toast(text));
    conversation.on("graph", (message) => this.graphChanged(message));
    conversation.on("ready", (message) => this.graphs.runs(message.graph));
    conversation.on("failure", (failure) => this.failed(failure));
    conversation.on("recovered", (code) => this.failures.isOver(code));
    conversation.on("holding", (down) => this.stage.holding(down));
    conversation.on("rtt", (rttMs) => this.lineQuality(rttMs));
    conversation.on("jitter", (jitter) => this.timing.line({ jitter }));
  }

  /** What leads from the person to the conversation. */
  wire() {
    const { conversation } = this;
    byId("talk").addEventListener("click", () => this.talk());
    byId("mute").addEventListener("click", () => this.mute());
    byId("stop").addEventListener("click", () => conversation.stop());
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.type();
    });
    byId("hold").addEventListener("pointerdown", (event) => {
      byId("hold").setPointerCapture(event.pointerId);
      conversation.hold(true);
    });
    for (const end of ["pointerup", "pointercancel"]) byId("hold").addEventListener(end, () => conversation.hold(false));
    byId("export-text").addEventListener("click", () => this.exportText());
    byId("export-audio").addEventListener("click", () => this.exportAudio());
    byId("clear").addEventListener("click", () => conversation.clear());
    listenToKeys({
      talk: () => this.talk(),
      mute: () => this.mute(),
      stop: () => conversation.stop(),
      lettersWanted: () => this.settings.get("shortcuts"),
      type: () => byId("composer-text").focus(),
      closePanel: () => (this.panels.open === null ? false : (this.panels.close(), true)),
      holdWanted: () => this.stage.pushToTalk && conversation.session.connected,
      hold: (down) => conversation.hold(down),
    });
  }

  /** What the page before this one knew: it was reloaded. */
  restore(kept) {
    this.conversation.restore(kept);
    for (const entry of this.conversation.captions.entries) this.entry(entry, { isOld: true });
    this.timing.show(this.conversation.timing);
    this.stage.muted(this.conversation.muted);
  }

  /** The person is back, or the network is: no reason to wait longer. */
  lookAgain() {
    this.conversation.session.retryNow();
    this.conversation.engine.wake();
  }

  async ask() {
    const [graphs, remembers] = await Promise.all([this.server.graphs().catch(() => null), this.memory.exists()]);
    if (graphs) this.graphs.offer(graphs, this.settings.get("graph"));
    document.querySelector('[data-panel="memory"]').hidden = !remembers;
  }

  async talk() {
    if (this.conversation.active) return this.conversation.end();
    this.failures.hide();
    return this.conversation.start({ microphone: true });
  }

  mute() {
    if (byId("mute").disabled) return;
    if (this.stage.state === "typing") {
      this.conversation.useMicrophone();
      return;
    }
    this.conversation.mute(!this.conversation.muted);
    this.stage.muted(this.conversation.muted);
  }

  async type() {
    const field = byId("composer-text");
    const text = field.value.trim();
    if (!text) return;
    if (this.conversation.say(text)) {
      field.value = "";
      return;
    }
    // Typing alone is a conversation too: the line is opened, and the words go with it once it stands. Enter pressed again changes nothing.
    this.unsaid?.();
    this.unsaid = this.conversation.on("ready", () => {
      this.unsaid();
      if (this.conversation.say(text)) field.value = "";
    });
    if (!this.conversation.active) await this.conversation.start({ microphone: false });
  }

  entry(entry, { isOld = false } = {}) {
    document.body.dataset.empty = "false";
    this.captions.update(entry, { isOld });
  }

  cleared() {
    this.captions.clear();
    this.timing.show(this.conversation.timing);
    document.body.dataset.empty = "true";
    toast(this.t("cleared"));
  }

  failed(failure) {
    this.panels.makeRoom();
    this.failures.show(failure);
  }

  statusChanged({ status, waitMs, resumable }) {
    this.stage.waiting({ waitMs, resumable });
    if (status === "open") this.lineIsOpen();
    if (status === "idle") {
      byId("line-quality").hidden = true;
      this.graphs.rests();
    }
    this.wakeLock.want(status !== "idle");
  }

  lineIsOpen() {
    this.failures.lineIsBack();
    this.panelChanged(this.panels.open);
    this.settingsPanel.devices();
  }

  lineQuality(rttMs) {
    this.timing.line({ rttMs });
    byId("line-quality").hidden = false;
    byId("line-quality").textContent = this.t("ms", { ms: rttMs < 10 ? rttMs.toFixed(1) : Math.round(rttMs) });
  }

  panelChanged(open) {
    if (open === "settings") this.showSettings();
    if (open === "memory") this.memory.show();
    if (open === "timing") this.timing.show(this.conversation.timing);
    this.conversation.session.send({ type: "stats", on: open === "graph", interval_ms: 500 });
  }

  /** Voices belong to the pipeline, and asking for them may wake its engine: not before somebody wants to see them. */
  async showSettings() {
    this.settingsPanel.show();
    const graph = this.graphs.name;
    if (this.voicesOf !== graph) {
      this.voicesOf = graph;
      this.voices = await this.server.voices(graph).catch(() => []);
    }
    this.settingsPanel.voices(this.voices ?? []);
  }

  chooseGraph(name) {
    this.settings.set("graph", name);
    this.conversation.switchGraph(name);
  }

  graphChanged({ name, state, reason }) {
    if (state === "switching") toast(this.t("graphSwitching", { name }));
    else if (state === "running") toast(this.t("graphRunning", { name }));
    else toast(reason ?? this.t("failures.graph_failed"));
    if (state === "running") this.graphs.runs(name);
    if (state === "failed") this.graphs.refused();
    this.graph.clear();
  }

  async settingChanged(name, value) {
    const { conversation } = this;
    if (SettingsStore.isForWire(name)) conversation.set(name, value);
    if (name === "mode") this.stage.words();
    if (name === "theme") this.dressTheme();
    if (name === "language") {
      this.speak();
      this.panelChanged(this.panels.open);
      conversation.set("lang", document.documentElement.lang);
    }
    if (name === "speakerId") await conversation.engine.useSpeaker(value);
    if ((name === "microphoneId" || name === "processing") && conversation.engine.microphone) {
      const failure = await conversation.openMicrophone();
      if (failure) this.failed({ code: failure });
    }
  }

  dressTheme() {
    const theme = this.settings.get("theme");
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }

  takeWay(way, value) {
    const { conversation } = this;
    this.failures.hide();
    if (way === "reload") location.reload();
    else if (way === "type") byId("composer-text").focus();
    else if (way === "pipelines") this.panels.show("graph");
    else if (way === "wake") conversation.engine.wake();
    else if (way === "token") this.useToken(value);
    else if (way === "retry" && conversation.session.status === "reconnecting") conversation.session.retryNow();
    else if (way === "retry" || way === "talk") conversation.start({ microphone: true });
    if (way === "token") {
      this.ask();
      conversation.start({ microphone: true });
    }
  }

  exportText() {
    const { entries } = this.conversation.captions;
    if (entries.length === 0) this.failed({ code: "export_empty" });
    else download("conversation.txt", "text/plain;charset=utf-8", transcriptText(entries, this.t));
  }

  exportAudio() {
    const { recorder } = this.conversation;
    if (recorder.empty) this.failed({ code: "export_empty" });
    else download("conversation.wav", "audio/wav", encodeWav(recorder.mixdown(), { rateHz: INPUT_RATE_HZ, channels: 2 }));
  }
}
