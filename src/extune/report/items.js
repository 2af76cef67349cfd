// The items of a document: gold beside predicted, what differs between the two made plain.
const GROUPS = { node: "Nodes", edge: "Edges" };

function part(span, differs, absent = true) {
  const missing = absent && span.start === null;
  const node = element("span", `part${missing ? " absent" : ""}${differs ? " differs" : ""}`, ...visible(span.text));
  node.dir = "auto";
  if (missing) node.append(element("span", "number", " (not in text)"));
  return node;
}

function typed(span, differs) {
  const role = span.role ? [element("span", "label-name", ...visible(span.role)), " "] : [];
  return element("span", "typed", ...role, part(span, differs));
}

function named(words, differs, className = "label-name") {
  return element("span", `${className}${differs ? " differs" : ""}`, ...visible(words));
}

// How each form of item is written; `other` tells whether a string or a name is not on the other side.
const WRITE = {
  entity: (item, other) => [named(item.name, other.name), part(item.spans[0], other.span(0))],
  node: (item, other) => [...(item.name ? [named(item.name, other.name)] : []), part(item.spans[0], other.span(0))],
  relation: (item, other) => [
    typed(item.spans[0], other.span(0)),
    element("span", "label-name", "— ", named(item.name, other.name), " →"),
    typed(item.spans[1], other.span(1)),
  ],
  edge: (item, other) => [
    ...WRITE.relation(item, other),
    ...item.spans.slice(2).map((span) => element("span", "evidence", "“", part(span, false), "”")),
  ],
  event: (item, other) => [
    named(item.name, other.name, "event-name"),
    ...item.spans.map((span, index) => typed(span, other.span(index))),
  ],
  answer: (item, other) =>
    item.spans.length ? [part(item.spans[0], other.span(0))] : [element("span", "quiet", "no answer: the document does not say")],
};

// Two sides are held against each other only where both are there; roles count in events alone.
function differences(item, partner) {
  const same = (one, another) => one.text === another.text && (item.form !== "event" || one.role === another.role);
  const ordered = item.form === "relation" || item.form === "edge";
  return {
    name: Boolean(partner) && (partner.name !== item.name || partner.label !== item.label),
    span: (index) => {
      if (!partner || !item.spans[index]) return false;
      const others = ordered ? [partner.spans[index]] : partner.spans;
      return !others.some((span) => span && same(item.spans[index], span));
    },
  };
}

function written(item, partner) {
  const node = element("span", `item ${item.form} h${hues[item.label]}`, ...WRITE[item.form](item, differences(item, partner)));
  if (item.note) node.append(element("span", "note", ...visible(item.note)));
  if (item.confidence !== undefined) {
    const figure = element("span", "confidence", item.confidence.toFixed(2));
    figure.title = "confidence";
    node.append(figure);
  }
  return node;
}

function cell(item, partner) {
  return element("td", "", item ? written(item, partner) : element("span", "quiet", "–"));
}

function kindCell(kind, number) {
  const node = element("th", `kind-${kind.replaceAll(" ", "-")}`, kind, element("span", "number", ` ${number}`));
  node.scope = "row";
  return node;
}

function pairRow({ kind, gold, predicted, number }) {
  const node = element("tr", "", kindCell(kind, number), cell(gold, predicted), cell(predicted, gold));
  node.dataset.item = number;
  return node;
}

function correctRow(pairs) {
  const chips = pairs.map(({ gold, number }) => {
    const chip = element("li", "", element("span", "number", String(number)), written(gold));
    chip.dataset.item = number;
    return chip;
  });
  const both = element("td", "", element("ul", "items", ...chips));
  both.colSpan = 2;
  return element("tr", "", kindCell("correct", `× ${pairs.length}`), both);
}

function groupRows(form, pairs) {
  const wrong = pairs.filter(({ kind }) => kind !== "correct");
  const right = pairs.filter(({ kind }) => kind === "correct");
  const rows = [...wrong.map(pairRow), ...(right.length ? [correctRow(right)] : [])];
  if (!GROUPS[form]) return rows;
  const heading = element("th", "group", GROUPS[form]);
  heading.colSpan = 3;
  return [element("tr", "", heading), ...rows];
}

function itemTable(row) {
  const groups = new Map();
  row.pairs.forEach((pair, index) => {
    const form = (pair.gold ?? pair.predicted).form;
    if (!groups.has(form)) groups.set(form, []);
    groups.get(form).push({ ...pair, number: index + 1 });
  });
  const order = Object.keys(WRITE).filter((form) => groups.has(form));
  const heads = ["Gold", "Predicted"].map((words) => Object.assign(element("th", "", words), { scope: "col" }));
  return element(
    "table",
    "pairs",
    element("thead", "", element("tr", "", element("td"), ...heads)),
    element("tbody", "", ...order.flatMap((form) => groupRows(form, groups.get(form)))),
  );
}
