// The nodes of the document: found by their id, made, and the one that speaks.

export const at = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

// Read out by screen readers; nothing is shown.
export const say = (text) => { at("status").textContent = text; };

// A function that waits until it was not called for `pause` milliseconds.
export function settled(action, pause) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, pause, ...values);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
