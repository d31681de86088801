"""The page's sound in a real audio thread: how soon silence is silence, which device, what rate, what a bad line does to the buffer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import Browser, Page, until
from fake_gateway import FakeGateway
from probes import choose, real_problems, state_is
from scenes import talk, turn

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
QUANTUM = 128

# Runs inside the audio thread: stands between the playout and the loudspeaker, and notes the loudness of each quantum together with the
# moment at which the order to be silent was obeyed.
LISTENER = """
class Listener extends AudioWorkletProcessor {
  constructor() { super(); this.quanta = []; this.port.onmessage = () => this.port.postMessage(this.quanta); }
  process(inputs, outputs) {
    const channel = inputs[0][0] ?? new Float32Array(128);
    let loudest = 0;
    for (const sample of channel) loudest = Math.max(loudest, Math.abs(sample));
    this.quanta.push([Math.round(currentTime * sampleRate / 128), loudest]);
    outputs[0][0].set(channel);
    return true;
  }
}
registerProcessor('listener', Listener);
"""

# Everything that the page connects to the loudspeaker goes through the listener; orders to the playout are noted when they are given.
WIRETAP = """
const source = new Blob([%r], {type: 'text/javascript'});
const add = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url) {
  await add.call(this, URL.createObjectURL(source)).catch(() => {});
  return add.call(this, url);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (this instanceof AudioWorkletNode && target instanceof AudioDestinationNode && this.numberOfInputs === 0) {
    window.context = this.context;
    window.listener = new AudioWorkletNode(this.context, 'listener', {outputChannelCount: [1]});
    connect.call(window.listener, target);
    const post = this.port.postMessage.bind(this.port);
    this.port.postMessage = (order, transfer) => {
      if (order.type === 'cut') window.cutAt = window.context.currentTime;
      post(order, transfer ?? []);
    };
    return connect.call(this, window.listener);
  }
  return connect.call(this, target, ...rest);
};
window.heard = () => new Promise((done) => { listener.port.onmessage = ({data}) => done(data); listener.port.postMessage(0); });
"""


def test_stop_is_silence_within_a_quantum_of_the_order(browser: Browser, gateway: FakeGateway) -> None:
    # The server's policy lets no script come from elsewhere; the listener is the test's, so this page has none.
    gateway.policy = ""
    page = browser.open(gateway.url, before=WIRETAP % LISTENER)
    try:
        talk(page, gateway)
        turn(page, gateway, 1, "Go on.", "This will take a rather long while to say.", duration_ms=6000)
        page.wait("window.heard().then((quanta) => quanta.at(-1)[1] > 0.05)")
        page.key("Escape")
        page.wait("window.cutAt")
        until(lambda: [report for report in gateway.of_type("playout") if report["state"] == "dropped"])
        cut = page.eval(f"Math.round(window.cutAt * window.context.sampleRate / {QUANTUM})")
        # The order is given between two callbacks of the audio thread, which renders several quanta in each.
        batch = page.eval(f"Math.ceil(window.context.baseLatency * window.context.sampleRate / {QUANTUM})")
        page.wait(f"window.heard().then((quanta) => quanta.at(-1)[0] > {cut + batch + 8})")
        quanta = page.eval("window.heard()")
        sounding = [number for number, loudest in quanta if loudest > 0]
        assert sounding and sounding[-1] >= cut - batch
        assert sounding[-1] <= cut + batch + 1, "sound went on after the order"
        after = [loudest for number, loudest in quanta if number > sounding[-1]]
        assert len(after) > 2 and max(after) == 0
    finally:
        page.close()


def test_the_chosen_microphone_is_used_and_can_change_while_talking(open_page: Opener, gateway: FakeGateway) -> None:
    keep = """
    window.asked = [];
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => { window.asked.push(wanted.audio); return ask(wanted); };
    """
    page = open_page(before=keep)
    talk(page, gateway)
    page.click('[data-panel="settings"]')
    page.wait("document.querySelectorAll('#settings [name=microphoneId] option').length > 1")
    device = page.eval("document.querySelector('#settings [name=microphoneId] option:last-child').value")
    choose(page, "#settings [name=microphoneId]", device)
    page.wait("window.asked.length === 2")
    assert page.eval("window.asked[1].deviceId.exact") == device
    before = len(gateway.sound)
    until(lambda: len(gateway.sound) > before + 16000)
    assert gateway.sound_seqs == sorted(set(gateway.sound_seqs))
    assert page.eval("window.asked[0].echoCancellation && window.asked[0].noiseSuppression") is True
    assert real_problems(page) == []


def test_devices_that_come_and_go_are_listed(open_page: Opener, gateway: FakeGateway) -> None:
    page = open_page()
    talk(page, gateway)
    page.click('[data-panel="settings"]')
    page.wait("document.querySelectorAll('#settings [name=microphoneId] option').length > 1")
    page.eval("navigator.mediaDevices.enumerateDevices = async () => []")
    page.eval("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    page.wait("document.querySelectorAll('#settings [name=microphoneId] option').length === 1")


@pytest.mark.parametrize("rate_hz", [44_100, 16_000])
def test_a_device_at_another_rate_keeps_time(open_page: Opener, gateway: FakeGateway, rate_hz: int) -> None:
    page = open_page(
        before=f"window.AudioContext = class extends AudioContext {{ constructor(o) {{ super({{...o, sampleRate: {rate_hz}}}); }} }};"
    )
    talk(page, gateway)
    turn(page, gateway, 1, "Do you keep time?", "I do keep time.", duration_ms=1000)
    finished = until(lambda: [report for report in gateway.of_type("playout") if report["state"] == "finished"])[0]
    assert abs(finished["played_ms"] - 1000) < 5
    # The microphone too: as many samples as time went by, at the rate that was agreed.
    samples, seconds = (
        len(gateway.sound) / 2,
        page.eval("new Promise((d) => { const t = performance.now(); setTimeout(() => d(t), 0); })"),
    )
    page.eval("new Promise((done) => setTimeout(done, 1500))")
    grown = len(gateway.sound) / 2 - samples
    passed_ms = page.eval("performance.now()") - seconds
    assert abs(grown / 16 - passed_ms) < 0.25 * passed_ms


def test_two_tabs_are_two_conversations(browser: Browser, gateway: FakeGateway) -> None:
    first, second = browser.open(gateway.url), browser.open(gateway.url)
    try:
        talk(first, gateway)
        second.click("#talk")
        state_is(second, "listening")
        names = [hello["conversation"] for hello in gateway.of_type("hello")]
        assert len(set(names)) == 2
        assert first.eval("document.body.dataset.state") == "listening"
    finally:
        first.close()
        second.close()
