// The conversation as a text file. Pure.

export function transcriptText(entries, t) {
  return entries
    .filter((entry) => entry.who !== "tool" && entry.text)
    .map((entry) => {
      if (entry.struckFrom === null) return `${t(entry.who)}: ${entry.text}`;
      const heard = entry.text.slice(0, entry.struckFrom).trim();
      const lost = entry.text.slice(entry.struckFrom).trim();
      return `${t(entry.who)}: ${heard} [${t("notHeard", { text: lost })}]`;
    })
    .join("\n");
}
