// DOM helpers: elements by id, new elements, and the live region.

export const at = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

// A button; `label` says what it does where its text does not.
export function button(className, text, label) {
  const node = element("button", className, text);
  node.type = "button";
  if (label) node.setAttribute("aria-label", label);
  return node;
}

// Announce to screen readers only.
export const say = (text) => { at("status").textContent = text; };

// Show a text in an element, or hide it where there is none.
export function tell(id, text) {
  at(id).textContent = text;
  at(id).hidden = !text;
}

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
