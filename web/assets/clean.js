// The html of a mail without all that acts or loads: what is left may be put into a frame that runs nothing.

// Gone with all that is in them. What a browser does not know as html is unwrapped by not being kept at all.
const GONE = "script, noscript, template, link, meta, base, title, iframe, frame, frameset, object, embed, applet, audio, video, source, track, picture > source, svg, math, portal, dialog";
const KEPT = new Set(["style", "class", "id", "align", "valign", "width", "height", "bgcolor", "color", "face", "size", "border", "cellpadding", "cellspacing",
  "colspan", "rowspan", "dir", "lang", "title", "alt", "role", "start", "type", "nowrap", "hspace", "vspace", "span", "scope", "headers", "abbr", "datetime", "cite", "reversed", "open"]);
const LOADS = /url\s*\(|image-set|\bimage\s*\(|\bsrc\s*\(|@import|cross-fade|element\s*\(|expression\s*\(/i;
const INLINE_IMAGE = /^data:image\/(png|gif|jpe?g|webp);base64,[a-z0-9+/=\s]*$/i;

/** CSS without what loads; an escape may hide such a word, so a rule with one goes as well. */
function cleanCss(text, left) {
  if (!LOADS.test(text) && !text.includes("\\")) return text;
  left.count += (text.match(/url\s*\(/gi) ?? []).length;
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/@import[^;]*;?/gi, "").split(/(?<=[;{}])/)
    .map(part => !LOADS.test(part) && !part.includes("\\") ? part : part.endsWith("}") ? "}" : "").join("");
}

function cleanAttribute(element, { name, value }, left) {
  if (name === "style") {
    element.setAttribute(name, cleanCss(value, left));
    return;
  }
  if (name === "href" && element.localName === "a") element.title = value;
  if (name === "src" && element.localName === "img") {
    if (INLINE_IMAGE.test(value)) return;
    left.count++;
    element.classList.add("left-out");
  }
  if (name === "background") left.count++;
  if (name !== "title" || element.localName !== "a") if (!KEPT.has(name)) element.removeAttribute(name);
}

/** Handlers are taken out of the text before it is parsed only because a browser complains of each; whatever escapes this is no harm. */
const withoutHandlers = html => html.replace(/<[a-z][^>]*>/gi, tag => tag.replace(/([\s"'/])on[a-z]+(?=\s*=)/gi, "$1data-off"));

/**
 * {head: styles, body, lang, count}: `count` is how many things it would have loaded. `Parser`: the DOMParser of the frame that will show
 * it, whose policy allows styles. Parsing neither runs nor loads anything.
 */
export function clean(html, Parser) {
  const parsed = new Parser().parseFromString(withoutHandlers(html), "text/html");
  const left = { count: 0 };
  left.count += parsed.querySelectorAll("link[href], iframe[src], video, audio, svg image, object[data], embed[src]").length;
  for (const element of parsed.querySelectorAll(GONE)) element.remove();
  for (const style of parsed.querySelectorAll("style")) style.textContent = cleanCss(style.textContent, left);
  for (const element of parsed.querySelectorAll("*"))
    for (const attribute of [...element.attributes]) cleanAttribute(element, attribute, left);
  return { head: [...parsed.head.querySelectorAll("style")], body: parsed.body, lang: parsed.documentElement.getAttribute("lang"), count: left.count };
}
