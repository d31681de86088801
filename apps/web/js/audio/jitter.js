// How much reply audio to hold before playing it: as little as the line allows. Pure.
//
// A chunk is late when it arrives after the moment at which it would have been needed had playback begun with the first chunk.
// The buffer must be at least as deep as the worst recent lateness. A server that sends ahead of real time is never late, so
// the depth falls to its floor; every underrun raises it at once.

export const JITTER_DEFAULTS = Object.freeze({ floorMs: 20, ceilingMs: 400, marginMs: 10, underrunStepMs: 30, decay: 0.7 });

export class JitterEstimator {
  constructor(options = {}) {
    this.options = { ...JITTER_DEFAULTS, ...options };
    this.worstMs = 0;
    this.replyWorstMs = 0;
    this.underruns = 0;
    this.firstArrivalMs = null;
    this.receivedMs = 0;
  }

  beginReply() {
    // The last reply's worst counts in full, older ones fade: one bad moment is forgotten after a few good replies.
    this.worstMs = Math.max(this.replyWorstMs, this.worstMs * this.options.decay);
    this.replyWorstMs = 0;
    this.firstArrivalMs = null;
    this.receivedMs = 0;
  }

  arrived(nowMs, durationMs) {
    if (this.firstArrivalMs === null) this.firstArrivalMs = nowMs;
    const lateMs = nowMs - this.firstArrivalMs - this.receivedMs;
    this.receivedMs += durationMs;
    this.replyWorstMs = Math.max(this.replyWorstMs, Math.min(lateMs, this.options.ceilingMs));
  }

  /** Playback ran dry; from here the schedule starts anew. */
  underrun() {
    this.underruns += 1;
    this.worstMs = Math.min(this.options.ceilingMs, Math.max(this.worstMs, this.replyWorstMs) + this.options.underrunStepMs);
    this.firstArrivalMs = null;
    this.receivedMs = 0;
  }

  get targetMs() {
    const { floorMs, ceilingMs, marginMs } = this.options;
    const worst = Math.max(this.worstMs, this.replyWorstMs);
    return Math.min(ceilingMs, Math.max(floorMs, worst > 0 ? worst + marginMs : 0));
  }
}
