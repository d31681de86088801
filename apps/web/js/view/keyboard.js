// The page by keyboard alone. Letters act only where nobody is typing.

function isTyping(target) {
  return Boolean(target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]"));
}

/** A tick box can be reached by no other key. */
const isTicking = (target) => Boolean(target.closest?.("input[type=checkbox], input[type=radio]"));

/** `actions`: lettersWanted -> whether single keys act, talk, mute, stop, type, closePanel -> true when it closed one, holdWanted -> whether space means "hold to speak", hold(down). */
export function listenToKeys(actions) {
  let held = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (!actions.closePanel()) actions.stop();
      return;
    }
    if (isTyping(event.target)) return;
    if (event.code === "Space" && actions.holdWanted() && !isTicking(event.target)) {
      event.preventDefault();
      if (!event.repeat) actions.hold(true);
      held = true;
    } else if (event.repeat || !actions.lettersWanted()) return;
    else if (event.key === "/") {
      event.preventDefault();
      actions.type();
    } else if (event.key === "m" || event.key === "M") actions.mute();
    else if (event.key === "t" || event.key === "T") actions.talk();
  });
  const release = (event) => {
    if (!held) return;
    held = false;
    event.preventDefault?.();
    actions.hold(false);
  };
  document.addEventListener("keyup", (event) => event.code === "Space" && release(event));
  // A window that loses focus never sees the key go up.
  window.addEventListener("blur", release);
}
