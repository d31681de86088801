// What the loudspeaker plays next: replies in order, with pause, duck and an instant cut. Pure: time comes in with every call.
//
// One quantum is the unit of obedience: whatever is told between two calls of `pull` is true of the very next one. A cut or a pause fades
// inside that quantum (no click), and from the next on there is silence.

import { JitterEstimator } from "./jitter.js";

const RAMP_MS = 15;

/** Signed distance of two wrapping 32-bit counters. */
const isNewer = (a, b) => ((a - b) | 0) > 0;

class Reply {
  constructor(generation, baseMs) {
    this.generation = generation;
    this.baseMs = baseMs;
    this.chunks = [];
    this.held = 0;
    this.consumed = 0;
    this.started = false;
    this.complete = false;
  }

  append(samples) {
    if (samples.length === 0) return;
    this.chunks.push(samples);
    this.held += samples.length;
  }

  restartAt(baseMs) {
    this.baseMs = baseMs;
    this.chunks = [];
    this.held = 0;
    this.consumed = 0;
    this.complete = false;
  }

  /** Moves up to `out.length` samples into `out`; returns how many there were. */
  read(out) {
    let filled = 0;
    while (filled < out.length && this.chunks.length > 0) {
      const chunk = this.chunks[0];
      const take = Math.min(chunk.length, out.length - filled);
      out.set(chunk.subarray(0, take), filled);
      filled += take;
      if (take === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(take);
    }
    this.held -= filled;
    this.consumed += filled;
    return filled;
  }
}

export class PlayoutBuffer {
  constructor({ rateHz, jitter = new JitterEstimator() }) {
    this.rateHz = rateHz;
    this.jitter = jitter;
    this.replies = [];
    this.cutGeneration = null;
    this.playing = false;
    this.paused = false;
    this.pausing = false;
    this.cutting = false;
    this.gain = 1;
    this.duckGain = 1;
    this.events = [];
  }

  get current() {
    return this.replies.length > 0 ? this.replies[0] : null;
  }

  isDead(generation) {
    return this.cutGeneration !== null && !isNewer(generation, this.cutGeneration);
  }

  push({ generation, positionMs, samples, last = false, moved = false }, nowMs) {
    if (this.isDead(generation)) return;
    let reply = this.replies.find((r) => r.generation === generation);
    if (!reply) {
      reply = new Reply(generation, positionMs);
      this.replies.push(reply);
      this.jitter.beginReply();
    } else if (moved) {
      reply.restartAt(positionMs);
    }
    this.jitter.arrived(nowMs, this.toMs(samples.length));
    reply.append(samples);
    if (last) reply.complete = true;
  }

  /** Nothing more will come of that reply: it need not wait for a fuller buffer. */
  end(generation) {
    const reply = this.replies.find((r) => r.generation === generation);
    if (reply) reply.complete = true;
  }

  duck(gainDb) {
    this.duckGain = 10 ** (gainDb / 20);
  }

  unduck() {
    this.duckGain = 1;
  }

  pause() {
    if (this.paused || this.pausing) return;
    if (this.playing) this.pausing = true;
    else this.enterPause();
  }

  resume({ fromMs = null } = {}) {
    const reply = this.current;
    if (reply && fromMs !== null) reply.restartAt(fromMs);
    this.paused = false;
    this.pausing = false;
    this.playing = false;
    this.gain = 0;
  }

  /** Everything of `generation` and older is dead, now and later. */
  cut(generation) {
    if (this.cutGeneration === null || isNewer(generation, this.cutGeneration)) this.cutGeneration = generation;
    this.paused = false;
    this.pausing = false;
    const reply = this.current;
    if (!reply || !this.isDead(reply.generation)) {
      this.removeDead();
      return;
    }
    if (this.playing) this.cutting = true;
    else this.removeDead();
  }

  /** Fills one quantum. Returns what happened since the last call, oldest first. */
  pull(out) {
    out.fill(0);
    const reply = this.current;
    if (reply && !this.paused && this.mayPlay(reply)) this.play(reply, out);
    const events = this.events;
    this.events = [];
    return events;
  }

  get bufferedMs() {
    return this.toMs(this.replies.reduce((sum, reply) => sum + reply.held, 0));
  }

  get playedMs() {
    return this.current ? this.positionMs(this.current) : 0;
  }

  get state() {
    if (!this.current) return "idle";
    if (this.paused) return "paused";
    return this.playing ? "playing" : "filling";
  }

  mayPlay(reply) {
    if (!this.playing && (reply.complete || this.toMs(reply.held) >= this.jitter.targetMs)) {
      this.playing = true;
      if (!reply.started) {
        reply.started = true;
        this.emit("started", reply);
      }
    }
    return this.playing;
  }

  play(reply, out) {
    const filled = reply.read(out);
    const stopping = this.cutting || this.pausing;
    this.applyGain(out, filled, stopping);
    if (this.cutting) this.finishCut();
    else if (this.pausing) this.enterPause();
    else if (reply.held === 0 && reply.complete) this.finish(reply);
    else if (filled < out.length) this.ranDry();
  }

  applyGain(out, filled, stopping) {
    if (stopping) {
      for (let i = 0; i < filled; i += 1) out[i] *= this.gain * (1 - (i + 1) / filled);
      this.gain = 0;
      return;
    }
    const step = 1000 / (RAMP_MS * this.rateHz);
    for (let i = 0; i < filled; i += 1) {
      const distance = this.duckGain - this.gain;
      this.gain += Math.max(-step, Math.min(step, distance));
      out[i] *= this.gain;
    }
  }

  enterPause() {
    this.pausing = false;
    this.paused = true;
    this.playing = false;
    if (this.current) this.emit("paused", this.current);
  }

  finishCut() {
    this.cutting = false;
    this.playing = false;
    this.gain = this.duckGain;
    this.removeDead();
  }

  removeDead() {
    for (const reply of this.replies) if (this.isDead(reply.generation)) this.emit("dropped", reply, 0);
    this.replies = this.replies.filter((reply) => !this.isDead(reply.generation));
  }

  finish(reply) {
    this.emit("finished", reply);
    this.replies.shift();
    this.playing = false;
  }

  ranDry() {
    this.playing = false;
    this.jitter.underrun();
  }

  emit(state, reply, bufferedMs = this.bufferedMs) {
    this.events.push({ state, generation: reply.generation, playedMs: this.positionMs(reply), bufferedMs });
  }

  positionMs(reply) {
    return reply.baseMs + this.toMs(reply.consumed);
  }

  toMs(samples) {
    return (samples * 1000) / this.rateHz;
  }
}
