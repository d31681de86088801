// Which language the page speaks, and its sentences. Pure: nothing here touches the document.

import en from "./en.js";
import zh from "./zh.js";

const TABLES = { en, zh };

/** The first of the wanted languages that we have; any Chinese is answered in Simplified Chinese. */
export function chooseLanguage(wanted) {
  for (const tag of wanted) {
    const primary = String(tag).toLowerCase().split("-")[0];
    if (TABLES[primary]) return primary;
  }
  return "en";
}

export function translator(language) {
  const table = TABLES[language];
  return function t(key, values = {}) {
    const template = key.split(".").reduce((node, part) => node?.[part], table);
    if (typeof template !== "string") return null;
    return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
}

export const htmlLanguage = { en: "en", zh: "zh-CN" };
