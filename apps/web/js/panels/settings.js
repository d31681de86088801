// The settings sheet: shows what is chosen, tells what changed. Everything takes effect while you talk.

import { listDevices } from "../audio/engine.js";
import { byId, el } from "../view/dom.js";

export class SettingsPanel {
  constructor({ t, store, onChange }) {
    Object.assign(this, { t, store, onChange });
    this.form = byId("settings");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => this.changed(event.target));
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.devices());
  }

  show() {
    for (const control of this.form.elements) {
      if (!control.name) continue;
      const value = this.store.get(control.name);
      if (control.type === "checkbox") control.checked = value;
      else if (control.type === "radio") control.checked = control.value === value;
      else control.value = value;
    }
    this.outputs();
    return this.devices();
  }

  changed(control) {
    const value = control.type === "checkbox" ? control.checked : control.type === "range" ? Number(control.value) : control.value;
    this.store.set(control.name, value);
    this.outputs();
    this.onChange(control.name, value);
  }

  outputs() {
    for (const output of this.form.querySelectorAll("[data-value]")) {
      const value = this.store.get(output.dataset.value);
      output.textContent = output.dataset.value === "rate" ? `${value.toFixed(2)} ×` : `${Math.round(value * 100)} %`;
    }
  }

  voices(voices) {
    const options = [{ id: "", name: this.t("voiceDefault") }, ...voices];
    this.options(this.form.elements.voice, options);
  }

  async devices() {
    const { microphones, speakers } = await listDevices();
    for (const [name, devices] of [["microphoneId", microphones], ["speakerId", speakers]]) {
      // Without permission a browser names no device; then there is nothing to choose between.
      const named = devices.filter((device) => device.deviceId && device.deviceId !== "default");
      const options = named.map((device, i) => ({ id: device.deviceId, name: device.label || this.t("deviceNumber", { number: i + 1 }) }));
      this.options(this.form.elements[name], [{ id: "", name: this.t("deviceDefault") }, ...options]);
    }
  }

  options(select, options) {
    select.replaceChildren(...options.map(({ id, name }) => el("option", { value: id }, name)));
    select.value = this.store.get(select.name);
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
}
