// Keeps the screen on while talking. A page that was hidden loses its lock and asks again when it is seen.

export class WakeLock {
  constructor() {
    this.wanted = false;
    this.lock = null;
    document.addEventListener("visibilitychange", () => this.renew());
  }

  async want(on) {
    this.wanted = on;
    if (on) await this.renew();
    else await this.release();
  }

  async renew() {
    if (!this.wanted || document.visibilityState !== "visible" || !navigator.wakeLock || this.lock?.released === false) return;
    try {
      await this.take();
    } catch {
      // Refused on low battery: talking goes on, the screen may go dark.
      this.lock = null;
    }
  }

  async take() {
    // A second request while the first is under way would leave a lock that nobody holds the handle of.
    this.taking ??= navigator.wakeLock.request("screen");
    try {
      this.lock = await this.taking;
    } finally {
      this.taking = null;
    }
    document.body.dataset.awake = "true";
    if (!this.wanted) await this.release();
  }

  async release() {
    const lock = this.lock;
    this.lock = null;
    delete document.body.dataset.awake;
    await lock?.release();
  }
}
