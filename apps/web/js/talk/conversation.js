// The conversation itself: joins the line, the sound, the captions and the clocks. Knows no document; the views listen to it.

import { AudioEngine } from "../audio/engine.js";
import { visibleLevel } from "../audio/pcm.js";
import { Recorder } from "../audio/recorder.js";
import { CaptionModel } from "../captions/model.js";
import { TimingModel } from "../timing/model.js";
import { Emitter } from "./emitter.js";
import { Playback } from "./playback.js";
import { INPUT_RATE_HZ } from "./session.js";
import { visibleState } from "./visible-state.js";

export class Conversation extends Emitter {
  constructor({ session, settings, engine = new AudioEngine(), now = () => performance.now() }) {
    super();
    Object.assign(this, { session, settings, engine, now });
    this.captions = new CaptionModel();
    this.timing = new TimingModel();
    this.recorder = new Recorder({ rateHz: INPUT_RATE_HZ });
    this.playback = new Playback(this);
    this.muted = false;
    this.holding = false;
    this.readsOnly = false;
    this.wantsMicrophone = false;
    this.soundIsMissing = false;
    this.serverState = "idle";
    this.listen();
  }

  /** What a reloaded page goes on with. */
  snapshot() {
    const { session, captions, timing, playback, serverState, muted } = this;
    const microphone = this.engine.microphone !== null;
    const entries = captions.snapshot();
    return { session: session.snapshot(), entries, turns: timing.turns, serverState, muted, microphone, playback: playback.snapshot() };
  }

  /** Shows what was said on the page before this one, and goes on talking if the server still holds the conversation. */
  restore({ session, entries, turns, serverState, muted, microphone, playback }) {
    this.captions.restore(entries, { isOpen: session !== null });
    this.timing.restore(turns);
    if (session === null) return;
    Object.assign(this, { serverState, muted, wantsMicrophone: microphone });
    this.playback.restore(playback);
    this.session.goOn(session, playback.unheard);
    this.openSound();
  }

  listen() {
    const { session, engine, playback } = this;
    for (const name of ["entry", "sounding", "timing", "level", "jitter"]) playback.on(name, (detail) => this.emit(name, detail));
    playback.on("changed", () => this.showState());
    session.on("status", (change) => this.statusChanged(change));
    session.on("ready", (message) => this.ready(message));
    session.on("renewed", () => this.renewed());
    session.on("message", (message) => this.message(message));
    session.on("failure", (failure) => this.emit("failure", failure));
    session.on("rtt", (rttMs) => this.emit("rtt", rttMs));
    engine.on("captured", (chunk) => this.captured(chunk));
    engine.on("microphone-lost", () => this.microphoneLost());
    engine.on("microphone-silenced", (on) => this.microphoneSilenced(on));
    engine.on("context", (state) => this.contextChanged(state));
  }

  get active() {
    return this.session.status !== "idle";
  }

  /** Call inside a gesture. Sound and line are opened at the same time; what is said meanwhile is not lost. */
  start({ microphone }) {
    this.wantsMicrophone = microphone;
    this.session.start();
    return this.openSound();
  }

  async openSound() {
    const { settings, engine } = this;
    let failure = await engine.open({ speakerId: settings.get("speakerId") });
    this.readsOnly = this.active && !engine.isOpen;
    this.soundIsMissing = failure === "server_gone";
    if (engine.isOpen && this.wantsMicrophone && !engine.microphone) failure = (await this.openMicrophone()) ?? failure;
    if (failure && this.active) this.emit("failure", { code: failure });
    if (!this.active) await engine.close();
    this.showState();
    return failure;
  }

  async openMicrophone() {
    const { settings, engine } = this;
    const failure = await engine.openMicrophone({ deviceId: settings.get("microphoneId"), processing: settings.get("processing") });
    engine.setMicrophoneLive(!this.muted);
    return failure;
  }

  /** For a conversation that began by typing. */
  async useMicrophone() {
    this.wantsMicrophone = true;
    return this.openSound();
  }

  async end() {
    this.session.end();
    await this.engine.close();
  }

  stop() {
    // The ear first: silence does not wait for the line.
    this.playback.cutNewest();
    this.session.tell({ type: "stop" });
  }

  say(text) {
    return this.session.send({ type: "text", text });
  }

  mute(on) {
    this.muted = on;
    this.engine.setMicrophoneLive(!on);
    this.session.tell({ type: "mute", on });
    this.showState();
  }

  hold(down) {
    if (this.holding === down || (down && !this.session.connected)) return;
    this.holding = down;
    this.session.tell({ type: "push_to_talk", down });
    this.emit("holding", down);
  }

  set(name, value) {
    this.session.tell({ type: "settings", [name]: value }, `settings ${name}`);
  }

  switchGraph(name) {
    this.session.tell({ type: "graph", name });
  }

  clear() {
    this.session.tell({ type: "clear" });
    this.captions.clear();
    this.timing.clear();
    this.recorder.clear();
    this.emit("cleared");
  }

  statusChanged({ status, waitMs }) {
    if (status === "idle") {
      this.serverState = "idle";
      this.playback.reset();
      this.engine.close();
      this.captions.seal();
    }
    this.emit("status", { status, waitMs, resumable: this.session.identity !== null });
    this.showState();
  }

  ready(message) {
    // A resumed session knows these; a new one is told.
    if (this.muted && !message.resumed) this.session.send({ type: "mute", on: true });
    if (this.holding && !message.resumed) this.session.send({ type: "push_to_talk", down: true });
    if (this.soundIsMissing) this.openSound();
    this.emit("ready", message);
    this.showState();
  }

  /** A new session counts its turns and replies from the start: nothing of the old one may answer to its numbers. */
  renewed() {
    this.serverState = "idle";
    this.playback.renew();
    this.captions.seal();
    this.timing.seal();
  }

  message(message) {
    const entry = this.captions.apply(message);
    if (entry) this.emit("entry", entry);
    switch (message.type) {
      case "state":
        this.serverState = message.state;
        this.showState();
        break;
      case "audio_start":
        this.playback.opened(message);
        break;
      case "audio_end":
        this.playback.complete(message, { isRead: this.readsOnly });
        break;
      case "playout_control":
        this.playback.control(message);
        break;
      case "user_text":
        this.personSaid(message);
        break;
      case "turn":
        this.traced(message);
        break;
      default:
        this.emit(message.type, message);
    }
  }

  personSaid({ turn_id: turnId, text, final, start_ms: startMs, duration_ms: durationMs, source }) {
    if (!final || source === "typed" || !Number.isFinite(startMs)) return;
    const lastSampleMs = this.session.uplink.localTimeOf(startMs + (durationMs ?? 0));
    this.timing.personSaid({ turnId, text, lastSampleMs });
  }

  traced({ turn_id: turnId, trace }) {
    if (!trace) return;
    this.timing.traced(turnId, trace, (serverMs) => this.session.clock.toLocal(serverMs));
    this.emit("timing", this.timing);
  }

  captured({ pcm, level, capturedAtMs }) {
    if (this.muted) return;
    this.session.sendAudio(pcm, capturedAtMs);
    this.recorder.add("left", pcm, capturedAtMs);
    if (this.playback.sounding === null) this.emit("level", visibleLevel(level));
  }

  microphoneLost() {
    this.engine.closeMicrophone();
    this.emit("failure", { code: "microphone_lost" });
    this.showState();
  }

  microphoneSilenced(on) {
    if (on) this.emit("failure", { code: "microphone_silenced" });
    else this.emit("recovered", "microphone_silenced");
  }

  contextChanged(state) {
    if (this.active && (state === "suspended" || state === "interrupted")) this.emit("failure", { code: "audio_blocked" });
    if (state === "running") this.emit("recovered", "audio_blocked");
  }

  showState() {
    const state = visibleState({
      status: this.session.status,
      serverState: this.serverState,
      muted: this.muted,
      microphone: Boolean(this.engine.microphone),
      sounding: this.playback.sounding !== null,
    });
    this.emit("state", state);
  }
}
