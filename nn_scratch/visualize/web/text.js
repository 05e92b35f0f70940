// Elements and numbers as text. Untrusted names only ever become text nodes.

/** An element with properties and children; strings become text. `on`: listeners by event, `style`: by property. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "style") for (const [key, entry] of Object.entries(value)) node.style.setProperty(key, entry);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Put these children into a node in place of what it has; what is null or false is left out. */
export function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

/** A number for a reader: three to four significant digits, a true minus sign. */
export function fmt(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = size >= 1e5 || size < 1e-3 ? value.toExponential(Math.max(0, digits - 2)) : value.toPrecision(digits);
  if (!text.includes("e") && text.includes(".")) text = text.replace(/0+$/, "").replace(/\.$/, "");
  return text.replace("-", "−").replace("e−", "e−").replace("e-", "e−").replace("e+", "e");
}

export function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)}%`;
}

/** A button that does one thing. */
export function button(text, action, properties = {}) {
  return el("button", { type: "button", on: { click: action }, ...properties }, ...[].concat(text));
}

/** A table: heads and rows of texts or nodes; numbers are set to the right. */
export function table(heads, rows, label) {
  const numeric = heads.map((_, place) => rows.some((row) => typeof row[place] === "number"));
  const cell = (tag, value, place) => el(tag, { class: numeric[place] ? "n" : null, scope: tag === "th" ? "col" : null },
    typeof value === "number" ? fmt(value) : value ?? "–");
  return el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head, place) => cell("th", head, place)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value, place) => cell("td", value, place)))))));
}

/** Offer bytes as a file. */
export function download(name, content, kind) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Rows as CSV; a cell that a spreadsheet would run as a formula is set behind an apostrophe. */
export function csv(heads, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [heads, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** Put text on the clipboard; where that is refused, select it for the reader to copy. */
export function copy(text, source) {
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  try {
    navigator.clipboard.writeText(text).catch(select);
  } catch {
    select();
  }
}
