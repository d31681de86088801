// The microphone's frames on their way up: numbered, kept for ten seconds so that a broken line loses none of them. Pure.

import { distance, encodeMicrophone } from "./wire.js";

const KEEP_MS = 10000;

export class Uplink {
  constructor({ rateHz, keepMs = KEEP_MS }) {
    this.rateHz = rateHz;
    this.keepMs = keepMs;
    this.seq = 0;
    this.position = 0;
    this.kept = [];
  }

  /** Numbers one frame; `capturedAtMs` is the local time of its last sample. Returns the bytes to send. */
  add(pcm, capturedAtMs) {
    this.seq = (this.seq + 1) >>> 0;
    const bytes = encodeMicrophone({ seq: this.seq, position: this.position, pcm });
    this.position = (this.position + pcm.length) >>> 0;
    this.kept.push({ seq: this.seq, endMs: this.mediaMs, capturedAtMs, bytes });
    const oldest = this.mediaMs - this.keepMs;
    while (this.kept.length > 0 && this.kept[0].endMs < oldest) this.kept.shift();
    return bytes;
  }

  get mediaMs() {
    return (this.position * 1000) / this.rateHz;
  }

  /** Frames that the server did not get before the line broke. */
  after(inputSeq) {
    return this.kept.filter((frame) => distance(frame.seq, inputSeq) > 0).map((frame) => frame.bytes);
  }

  /** Local time at which the sample of that media time was captured; null when it is no longer known. */
  localTimeOf(mediaMs) {
    const frame = this.kept.find((f) => f.endMs >= mediaMs);
    return frame ? frame.capturedAtMs - (frame.endMs - mediaMs) : null;
  }
}
