// State, controls and hints: the parts of the page that change with the state and nothing else.

import { byId } from "./dom.js";

const SENTENCES = {
  idle: "stateIdle",
  connecting: "stateConnecting",
  listening: "stateListening",
  hearing: "stateHearing",
  thinking: "stateThinking",
  speaking: "stateSpeaking",
  paused: "statePaused",
  reconnecting: "stateReconnecting",
  muted: "stateMuted",
  typing: "stateTyping",
};

export class Stage {
  constructor({ t, orb, settings }) {
    Object.assign(this, { t, orb, settings });
    this.state = "idle";
    this.waitMs = null;
    this.resumable = false;
    this.isMuted = false;
  }

  show(state) {
    this.state = state;
    document.body.dataset.state = state;
    this.orb.show(state === "typing" ? "muted" : state);
    this.words();
  }

  waiting({ waitMs, resumable }) {
    this.waitMs = waitMs ?? null;
    this.resumable = resumable;
    this.words();
  }

  words() {
    const { t, state } = this;
    byId("state").textContent = t(SENTENCES[state]);
    byId("hint").textContent = this.hint() ?? "";
    const active = state !== "idle";
    // A page behind others tells its state by the name of its tab.
    document.title = active ? `${t(SENTENCES[state])} · Stream-Talk` : "Stream-Talk";
    byId("talk").classList.toggle("ends", active);
    byId("talk-label").textContent = t(active ? "end" : "talk");
    byId("stop").disabled = !active;
    byId("mute").disabled = !active;
    this.microphoneButton();
    byId("hold").hidden = !(active && this.pushToTalk);
  }

  get pushToTalk() {
    return this.settings.get("mode") === "push_to_talk";
  }

  hint() {
    const { t, state, waitMs } = this;
    if (state === "idle") return t("hintIdle");
    if (state === "reconnecting" && waitMs !== null) return t(this.resumable ? "hintReconnecting" : "hintRetry", { seconds: Math.max(1, Math.round(waitMs / 1000)) });
    if (state === "muted") return t("hintMuted");
    if (state === "typing") return t("hintTyping");
    if (this.pushToTalk && state === "listening") return t("hintPush");
    return null;
  }

  muted(on) {
    this.isMuted = on;
    this.microphoneButton();
  }

  microphoneButton() {
    const button = byId("mute");
    const isOff = this.isMuted || this.state === "typing";
    button.classList.toggle("off", isOff);
    button.title = this.t(this.state === "typing" ? "useMicrophone" : isOff ? "unmute" : "mute");
    // A switch keeps its name and changes its state; opening the microphone is not a switch.
    if (this.state === "typing") button.removeAttribute("aria-pressed");
    else button.setAttribute("aria-pressed", String(isOff));
    button.setAttribute("aria-label", this.t(this.state === "typing" ? "useMicrophone" : "mute"));
  }

  holding(down) {
    byId("hold").setAttribute("aria-pressed", String(down));
  }
}
