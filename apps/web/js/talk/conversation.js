// The conversation itself: joins the line, the sound, the captions and the clocks. Knows no document; the views listen to it.

import { AudioEngine } from "../audio/engine.js";
import { visibleLevel } from "../audio/pcm.js";
import { Recorder } from "../audio/recorder.js";
import { PlayoutReporter } from "../audio/reporter.js";
import { CaptionModel } from "../captions/model.js";
import { TimingModel } from "../timing/model.js";
import { Emitter } from "./emitter.js";
import { INPUT_RATE_HZ } from "./session.js";
import { visibleState } from "./visible-state.js";

export class Conversation extends Emitter {
  constructor({ session, settings, engine = new AudioEngine(), now = () => performance.now() }) {
    super();
    Object.assign(this, { session, settings, engine, now });
    this.captions = new CaptionModel();
    this.timing = new TimingModel();
    this.recorder = new Recorder({ rateHz: INPUT_RATE_HZ });
    this.reporter = new PlayoutReporter((report) => session.send({ ...report, ack: session.ack() }));
    this.muted = false;
    this.holding = false;
    this.readsOnly = false;
    this.reset();
    this.listen();
  }

  reset() {
    this.serverState = "idle";
    this.sounding = null;
    this.newestGeneration = null;
    this.jitter = null;
  }

  listen() {
    const { session, engine } = this;
    session.on("status", (change) => this.statusChanged(change));
    session.on("ready", (message) => this.ready(message));
    session.on("renewed", () => this.renewed());
    session.on("message", (message) => this.message(message));
    session.on("frame", (frame) => this.frame(frame));
    session.on("failure", (failure) => this.emit("failure", failure));
    session.on("rtt", (rttMs) => this.emit("rtt", rttMs));
    engine.on("captured", (chunk) => this.captured(chunk));
    engine.on("playout", (event) => this.playoutEvent(event));
    engine.on("progress", (progress) => this.progress(progress));
    engine.on("microphone-lost", () => this.microphoneLost());
    engine.on("context", (state) => this.contextChanged(state));
  }

  get active() {
    return this.session.status !== "idle";
  }

  /** Call inside a gesture. Sound and line are opened at the same time; what is said meanwhile is not lost. */
  async start({ microphone }) {
    const { settings, engine, session } = this;
    session.start();
    const opening = engine.open({ speakerId: settings.get("speakerId") });
    let failure = await opening;
    this.readsOnly = failure !== null;
    if (!failure && microphone && !engine.microphone) failure = await this.openMicrophone();
    if (failure) this.emit("failure", { code: failure });
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

  async end() {
    this.session.end();
    await this.engine.close();
  }

  stop() {
    // The ear first: silence does not wait for the line.
    if (this.newestGeneration !== null) this.engine.order({ type: "cut", generation: this.newestGeneration });
    this.session.send({ type: "stop" });
  }

  say(text) {
    return this.session.send({ type: "text", text });
  }

  mute(on) {
    this.muted = on;
    this.engine.setMicrophoneLive(!on);
    this.session.send({ type: "mute", on });
    this.showState();
  }

  hold(down) {
    if (this.holding === down || !this.session.connected) return;
    this.holding = down;
    this.session.send({ type: "push_to_talk", down });
    this.emit("holding", down);
  }

  clear() {
    this.session.send({ type: "clear" });
    this.captions.clear();
    this.timing.clear();
    this.recorder.clear();
    this.emit("cleared");
  }

  statusChanged({ status, waitMs }) {
    if (status === "idle") {
      this.reset();
      this.engine.close();
      this.captions.seal();
    }
    this.emit("status", { status, waitMs, resumable: this.session.identity !== null });
    this.showState();
  }

  ready(message) {
    if (this.muted) this.session.send({ type: "mute", on: true });
    this.emit("ready", message);
    this.showState();
  }

  /** A new session counts its turns and replies from the start: nothing of the old one may answer to its numbers. */
  renewed() {
    this.engine.order({ type: "renew" });
    this.captions.seal();
    this.timing.seal();
    this.reset();
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
        this.replyOpened(message);
        break;
      case "audio_end":
        this.replyComplete(message);
        break;
      case "playout_control":
        this.control(message);
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

  replyOpened({ generation, request_id: requestId, turn_id: turnId }) {
    this.newestGeneration = generation;
    this.reporter.opened(generation, requestId);
    this.timing.replyOpened({ turnId, generation });
  }

  replyComplete({ generation, total_ms: totalMs, reason }) {
    this.engine.order({ type: "end", generation });
    if (!this.readsOnly || reason === "interrupted") return;
    // Where there is no sound the text is what the person gets, and they have it when it is there.
    this.reporter.event({ state: "started", generation, playedMs: 0, bufferedMs: 0 }, this.now());
    this.reporter.event({ state: "finished", generation, playedMs: totalMs ?? 0, bufferedMs: 0 }, this.now());
    this.changed(this.captions.finished(generation));
  }

  control({ action, generation, gain_db: gainDb, from_ms: fromMs }) {
    this.engine.order({ type: action, generation, gainDb: gainDb ?? -12, fromMs: fromMs ?? null });
  }

  frame(frame) {
    this.newestGeneration = frame.generation;
    this.timing.frameArrived(frame.generation, this.now());
    this.engine.play(frame);
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
    if (this.sounding === null) this.emit("level", visibleLevel(level));
  }

  playoutEvent(event) {
    this.reporter.event(event, this.now());
    if (event.state === "started") this.replyStarted(event);
    if (event.state === "finished") this.changed(this.captions.finished(event.generation));
    this.setSounding(event.state === "started" ? event.generation : null);
  }

  replyStarted({ generation, contextTime }) {
    const startedMs = this.engine.renderedAtMs(contextTime);
    const heardMs = Math.max(startedMs, this.engine.heardAtMs(contextTime));
    const { inputLatencyMs } = this.engine;
    this.timing.replyStarted(generation, { startedMs, heardMs, inputLatencyMs, rttMs: this.session.clock.rttMs });
    this.emit("timing", this.timing);
  }

  progress(progress) {
    const latencyMs = this.engine.outputLatencyMs;
    this.reporter.progress(progress, latencyMs, this.now());
    if (progress.generation !== null) this.changed(this.captions.played(progress.generation, progress.playedMs - latencyMs));
    if (progress.state === "playing") this.setSounding(progress.generation);
    this.emit("level", visibleLevel(progress.level));
    const endMs = this.engine.heardAtMs(progress.contextTime);
    const tap = joinBlocks(progress.tap);
    this.recorder.add("right", tap, endMs);
    this.jitter = { ...progress.jitter, bufferedMs: progress.bufferedMs };
    this.emit("jitter", this.jitter);
  }

  setSounding(generation) {
    if (this.sounding === generation) return;
    const before = this.sounding;
    this.sounding = generation;
    for (const [which, on] of [[before, false], [generation, true]]) {
      const entry = which === null ? null : this.captions.byGeneration.get(which);
      if (entry) this.emit("sounding", { entry, on });
    }
    if (generation === null) this.emit("level", 0);
    this.showState();
  }

  changed(entry) {
    if (entry) this.emit("entry", entry);
  }

  microphoneLost() {
    this.engine.closeMicrophone();
    this.emit("failure", { code: "microphone_lost" });
    this.showState();
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
      sounding: this.sounding !== null,
    });
    this.emit("state", state);
  }
}

function joinBlocks(blocks) {
  const joined = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    joined.set(block, at);
    at += block.length;
  }
  return joined;
}
