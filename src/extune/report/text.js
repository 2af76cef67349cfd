// The text of a document with its items marked. Offsets count code points, so texts are handled as arrays of them.
// All content enters as text nodes.
const { splits, hues, shown } = JSON.parse(document.getElementById("data").textContent);
// Characters that reorder or hide text, and halves of characters, are shown by their code.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\p{Surrogate}]/u;
const coded = (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
const plain = (words) => Array.from(words, (char) => (CONTROL.test(char) ? coded(char) : char)).join("");
const MARKS = 8;
const SIDES = { gold: "−", predicted: "+" };

function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function visible(chars) {
  const nodes = [];
  for (const char of chars) {
    if (CONTROL.test(char) && char !== "\r") nodes.push(element("span", "control", coded(char)));
    else if (typeof nodes.at(-1) === "string") nodes.push(nodes.pop() + char);
    else nodes.push(char);
  }
  return nodes;
}

// Items to mark: a right one once, on both sides. An edge names nodes that are marked already.
function marked(row) {
  return row.pairs.flatMap((pair, index) =>
    ["gold", "predicted"].flatMap((side) =>
      pair[side] ? [{ ...pair[side], side: pair.kind === "correct" ? "both" : side, kind: pair.kind, number: index + 1 }] : [],
    ),
  );
}

// What stands behind a mention: the type of what is named, the role in an event, else the number of the row below.
function name({ item, span }) {
  if (item.form === "answer") return item.side === "both" ? "" : " ";
  if (item.form === "relation") return String(item.number);
  return item.form === "event" && item.spans[span].role !== "trigger" ? item.spans[span].role : item.name;
}

// Mentions that end at one place share their marks.
function marks(ending) {
  const named = new Map();
  for (const mention of ending) {
    const words = ((SIDES[mention.item.side] ?? "") + name(mention)).trim();
    if (words) named.set(words, [...(named.get(words) ?? []), mention.item]);
  }
  const nodes = [...named].slice(0, MARKS).map(([words, items]) => {
    const node = element("span", `mark h${hues[items[0].label]}`, ...visible(words));
    node.dir = "auto";
    node.title = plain(items.slice(0, MARKS).map((item) => `${item.number} ${item.kind}: ${item.text}`).join("\n"));
    return node;
  });
  return named.size > MARKS ? [...nodes, element("span", "mark", `and ${named.size - MARKS} more`)] : nodes;
}

function piece(chars, covering) {
  let node = element("span", "", ...visible(chars));
  const coloured = covering.filter(({ item }) => item.form !== "edge");
  const innermost = (...sides) => coloured.filter(({ item }) => sides.includes(item.side)).sort((a, b) => a.length - b.length)[0];
  const predicted = innermost("both", "predicted");
  const gold = innermost("both", "gold");
  if (predicted) node = element("span", `predicted h${hues[predicted.item.label]}`, node);
  if (gold) node = element("span", `gold ${gold.item.side === "both" ? "correct " : ""}h${hues[gold.item.label]}`, node);
  node.dataset.items = [...new Set(covering.map(({ item }) => item.number))].join(" ");
  return node;
}

function markedText(row) {
  const chars = Array.from(row.text);
  const mentions = marked(row).flatMap((item) =>
    item.mentions.map(([start, end, span]) => ({ item, start, end, span, length: end - start })),
  );
  const cuts = [...new Set([0, chars.length, ...mentions.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  const node = element("p", "text");
  if (row.lang) node.lang = row.lang;
  node.dir = "auto";
  cuts.slice(0, -1).forEach((start, index) => {
    const end = cuts[index + 1];
    const covering = mentions.filter((mention) => mention.start <= start && end <= mention.end);
    node.append(...(covering.length ? [piece(chars.slice(start, end), covering)] : visible(chars.slice(start, end))));
    node.append(...marks(mentions.filter((mention) => mention.end === end && mention.item.form !== "edge")));
  });
  return node;
}
