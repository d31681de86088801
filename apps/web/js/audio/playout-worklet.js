// The loudspeaker's end on the audio thread: a thin shell around PlayoutBuffer. Orders come by message and hold from the next quantum on.
// A tap of what was really played goes back for the conversation's recording.

import { PlayoutBuffer } from "./playout-buffer.js";
import { Resampler } from "./resampler.js";
import { floatToInt16, int16ToFloat, rms } from "./pcm.js";

const PROGRESS_S = 0.02;
const TAP_RATE_HZ = 16000;

class PlayoutProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.wireRateHz = options.processorOptions.inputRateHz;
    this.resampler = new Resampler(this.wireRateHz, sampleRate);
    this.renew();
    this.tap = new Resampler(sampleRate, TAP_RATE_HZ);
    this.tapped = [];
    this.level = 0;
    this.reportedAt = 0;
    this.wasActive = false;
    this.closed = false;
    this.port.onmessage = (event) => this.obey(event.data);
  }

  /** A new session counts generations from the start again. */
  renew() {
    this.buffer = new PlayoutBuffer({ rateHz: sampleRate });
    this.resamplerGeneration = null;
  }

  obey(order) {
    if (order.type === "frame") this.receive(order);
    else if (order.type === "duck") this.buffer.duck(order.gainDb);
    else if (order.type === "unduck") this.buffer.unduck();
    else if (order.type === "pause") this.buffer.pause();
    else if (order.type === "resume") this.buffer.resume({ fromMs: order.fromMs });
    else if (order.type === "cut") this.buffer.cut(order.generation);
    else if (order.type === "end") this.buffer.end(order.generation);
    else if (order.type === "renew") this.renew();
    else if (order.type === "close") this.closed = true;
  }

  receive({ generation, position, samples, last, moved }) {
    if (moved || generation !== this.resamplerGeneration) {
      this.resampler.reset();
      this.resamplerGeneration = generation;
    }
    const positionMs = (position * 1000) / this.wireRateHz;
    let converted = this.resampler.process(int16ToFloat(samples));
    if (last) {
      const tail = this.resampler.flush();
      const joined = new Float32Array(converted.length + tail.length);
      joined.set(converted);
      joined.set(tail, converted.length);
      converted = joined;
    }
    this.buffer.push({ generation, positionMs, samples: converted, last, moved }, currentTime * 1000);
  }

  process(_inputs, outputs) {
    const channels = outputs[0];
    const out = channels[0];
    const events = this.buffer.pull(out);
    for (let i = 1; i < channels.length; i += 1) channels[i].set(out);
    for (const event of events) this.port.postMessage({ type: "event", ...event, contextTime: currentTime });
    this.observe(out, events.length > 0);
    return !this.closed;
  }

  observe(out, eventful) {
    const active = this.buffer.state === "playing" || eventful;
    if (active) {
      this.tapped.push(floatToInt16(this.tap.process(out)));
      this.level = Math.max(this.level * 0.8, rms(out));
    }
    const due = currentTime - this.reportedAt >= PROGRESS_S;
    if (due && (active || this.wasActive)) this.report();
    if (due) this.wasActive = active;
  }

  report() {
    this.reportedAt = currentTime;
    const { current, state, playedMs, bufferedMs, jitter } = this.buffer;
    this.port.postMessage({
      type: "progress",
      generation: current ? current.generation : null,
      state,
      playedMs,
      bufferedMs,
      level: current ? this.level : 0,
      contextTime: currentTime,
      jitter: { targetMs: jitter.targetMs, underruns: jitter.underruns },
      tap: this.tapped,
    });
    this.tapped = [];
  }
}

registerProcessor("playout", PlayoutProcessor);
