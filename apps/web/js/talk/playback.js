// The replies on their way from the line to the ear: orders to the loudspeaker, what was played told to everyone whom it concerns.

import { visibleLevel } from "../audio/pcm.js";
import { PlayoutReporter } from "../audio/reporter.js";
import { Emitter } from "./emitter.js";
import { distance } from "./wire.js";

const DUCK_DB = -12;

export class Playback extends Emitter {
  constructor({ session, engine, captions, timing, recorder, now }) {
    super();
    Object.assign(this, { session, engine, captions, timing, recorder, now });
    this.reporter = new PlayoutReporter((report) => session.tell({ ...report, ack: session.ack() }, `playout ${report.generation}`));
    this.reset();
    session.on("frame", (frame) => this.frame(frame));
    engine.on("playout", (event) => this.happened(event));
    engine.on("progress", (progress) => this.progress(progress));
  }

  reset() {
    this.sounding = null;
    this.newestGeneration = null;
    this.cutGeneration = null;
    this.unheard = null;
  }

  /** A new session counts its replies from the start: nothing of the old one may answer to its numbers. */
  renew() {
    this.engine.order({ type: "renew" });
    this.reset();
  }

  /** `unheard` is the reply whose sound lies in this page and is lost with it, and how far it was heard. */
  snapshot() {
    const { newestGeneration, unheard } = this;
    return { newestGeneration, unheard };
  }

  restore({ newestGeneration, unheard }) {
    Object.assign(this, { newestGeneration, unheard });
    for (const { generation, requestId } of this.captions.byGeneration.values()) this.reporter.opened(generation, requestId);
  }

  opened({ generation, request_id: requestId, turn_id: turnId }) {
    this.newestGeneration = generation;
    this.reporter.opened(generation, requestId);
    this.timing.replyOpened({ turnId, generation });
  }

  /** All of a reply is here. Where there is no sound the text is what the person gets, and they have it now. */
  complete({ generation, total_ms: totalMs, reason }, { isRead }) {
    this.engine.order({ type: "end", generation });
    if (!isRead || reason === "interrupted") return;
    this.reporter.event({ state: "started", generation, playedMs: 0, bufferedMs: 0 }, this.now());
    this.reporter.event({ state: "finished", generation, playedMs: totalMs ?? 0, bufferedMs: 0 }, this.now());
    this.changed(this.captions.finished(generation));
  }

  control({ action, generation, gain_db: gainDb, from_ms: fromMs }) {
    if (action === "cut") this.cutGeneration = generation;
    this.engine.order({ type: action, generation, gainDb: gainDb ?? DUCK_DB, fromMs: fromMs ?? null });
  }

  cutNewest() {
    if (this.newestGeneration !== null) this.control({ action: "cut", generation: this.newestGeneration });
  }

  frame(frame) {
    const { generation } = frame;
    this.newestGeneration = generation;
    const isDead = this.cutGeneration !== null && distance(generation, this.cutGeneration) <= 0;
    if (!isDead) this.unheard ??= { generation, playedMs: 0 };
    this.timing.frameArrived(generation, this.now());
    this.engine.play(frame);
  }

  happened(event) {
    this.reporter.event(event, this.now());
    if (event.state === "started") this.started(event);
    if (event.state === "finished" || event.state === "dropped") this.unheard = null;
    if (event.state === "finished") this.changed(this.captions.finished(event.generation));
    this.setSounding(event.state === "started" ? event.generation : null);
  }

  started({ generation, contextTime }) {
    const startedMs = this.engine.renderedAtMs(contextTime);
    const heardMs = Math.max(startedMs, this.engine.heardAtMs(contextTime));
    const { inputLatencyMs } = this.engine;
    this.timing.replyStarted(generation, { startedMs, heardMs, inputLatencyMs, rttMs: this.session.clock.rttMs });
    this.emit("timing", this.timing);
  }

  progress(progress) {
    const latencyMs = this.engine.outputLatencyMs;
    this.reporter.progress(progress, latencyMs, this.now());
    if (progress.generation !== null) this.heardSoFar(progress.generation, Math.max(0, progress.playedMs - latencyMs));
    if (progress.state === "playing") this.setSounding(progress.generation);
    this.emit("level", visibleLevel(progress.level));
    this.recorder.add("right", joinBlocks(progress.tap), this.engine.heardAtMs(progress.contextTime));
    this.emit("jitter", { ...progress.jitter, bufferedMs: progress.bufferedMs });
  }

  heardSoFar(generation, playedMs) {
    this.unheard = { generation, playedMs };
    this.changed(this.captions.played(generation, playedMs));
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
    this.emit("changed");
  }

  changed(entry) {
    if (entry) this.emit("entry", entry);
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
