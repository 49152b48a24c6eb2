// DOM helpers: elements by id, new elements, and the live region.

export const at = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

// Announce to screen readers only.
export const say = (text) => { at("status").textContent = text; };

// Debounce: run once no call has come for `pause` milliseconds.
export function settled(action, pause) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, pause, ...values);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
