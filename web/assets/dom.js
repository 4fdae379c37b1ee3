// Builds DOM from plain calls, and patches what is shown to what should be shown. Text goes in as text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) {
    element[name] = value;
    (element.handlers ??= new Set()).add(name);
  } else if (name === "value" || name === "checked" || name === "indeterminate") {
    element[name] = value;
    if (name === "value" && element.localName !== "textarea" && element.localName !== "select") element.setAttribute(name, value);
  } else element.setAttribute(name, value === true ? "" : value);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  element.append(...nodes(children));
  if (element.localName === "select" && attributes?.value !== undefined) element.value = attributes.value;
  return element;
}

/** Flat and without what is not there; texts and numbers become text nodes. */
export function nodes(children) {
  return [children].flat(Infinity)
    .filter(child => child !== null && child !== undefined && child !== false && child !== "")
    .map(child => child instanceof Node ? child : document.createTextNode(String(child)));
}

/** h("a", {href, onclick}, children..): an element. null and false are left away. */
export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);

/** The same in SVG. */
export const s = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

const keyOf = node => node.nodeType === 1 ? node.getAttribute("data-key") : null;

const alike = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh) &&
  (old.nodeType !== 1 || old.getAttribute("type") === fresh.getAttribute("type"));

function patchElement(old, fresh, values) {
  if (old.hasAttribute("data-keep") && old.getAttribute("data-keep") === fresh.getAttribute("data-keep")) return;
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !(name === "open" && old.localName === "details")) old.setAttribute(name, value);
  for (const name of new Set([...old.handlers ?? [], ...fresh.handlers ?? []])) old[name] = fresh[name];
  old.handlers = fresh.handlers;
  if (old.type === "checkbox") {
    old.checked = fresh.checked;
    old.indeterminate = fresh.indeterminate;
  }
  const typed = old.value;
  if (old.localName !== "textarea") patch(old, [...fresh.childNodes], values);
  if (["input", "select", "textarea"].includes(old.localName) && old.type !== "checkbox")
    old.value = values && old !== document.activeElement ? fresh.value : typed;
}

/**
 * The children of `parent` become `fresh`, but nodes that are alike stay: focus, selection, scroll and what was typed survive.
 * `values`: what was typed gives way to the fresh values, except where the focus is.
 */
export function patch(parent, fresh, values = false) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = parent.firstChild;
  for (const next of nodes(fresh)) {
    const old = keyOf(next) ? keyed.get(keyOf(next)) : at;
    if (!old || !alike(old, next)) {
      parent.insertBefore(next, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    if (old.nodeType !== 1) {
      if (old.data !== next.data) old.data = next.data;
    } else patchElement(old, next, values);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Says it to a screen reader. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
