// The list of documents with its filters, and the colour scheme.
const PER_PAGE = 20;
// Half a character may stand in a label, but not in an attribute: options go by number.
const LABELS = Object.keys(hues).filter(Boolean);
const $ = (id) => document.getElementById(id);
// `id`: the one document that was asked for, until something else is.
const state = { filter: "all", page: 0, id: null };

const labelled = (pair, label) => !label || pair.gold?.label === label || pair.predicted?.label === label;
const FILTERS = {
  all: (row, label) => !label || row.pairs.some((pair) => labelled(pair, label)),
  wrong: (row, label) => row.pairs.some((pair) => pair.kind !== "correct" && labelled(pair, label)),
  problems: (row, label) => row.problems.length > 0 && FILTERS.all(row, label),
  "nothing predicted": (row, label) =>
    row.pairs.every((pair) => pair.kind !== "correct" && !pair.predicted) && FILTERS.all(row, label),
};
const ofKind = (row, kind, label) => row.pairs.filter((pair) => pair.kind === kind && labelled(pair, label)).length;
const fits = (row, filter, label) => (FILTERS[filter] ? FILTERS[filter](row, label) : ofKind(row, filter, label) > 0);

function about(row) {
  const node = element("h3", "about", element("bdi", "", ...visible(row.id)));
  const kinds = new Map();
  for (const { kind } of row.pairs) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  for (const [kind, number] of [...kinds].sort(([one], [other]) => (one === "correct") - (other === "correct"))) {
    const all = kinds.size === 1 && number > 1 ? "all " : "";
    node.append(element("span", `kind-${kind.replaceAll(" ", "-")}`, `${all}${number} ${kind}`));
  }
  if (row.more) node.append(element("span", "", `${row.more.toLocaleString("en")} more items are not shown`));
  if (!row.pairs.length) node.append(element("span", "", "nothing to find, nothing predicted"));
  return node;
}

function problems(row) {
  const nodes = row.problems.map((problem) => element("p", "problem", ...visible(problem)));
  if (row.raw.length) {
    const answers = row.raw.map((raw) => element("pre", "raw", ...visible(raw)));
    nodes.push(element("details", "", element("summary", "note", "The model's own answer"), ...answers));
  }
  return nodes;
}

function question(row) {
  const node = element("p", "question", ...visible(row.question));
  node.dir = "auto";
  return node;
}

function card(row) {
  const asked = row.question ? [question(row)] : [];
  const node = element("li", "", about(row), ...asked, markedText(row), ...problems(row));
  if (row.pairs.length) node.append(element("div", "scroll", itemTable(row)));
  return node;
}

const haystacks = new WeakMap();
function haystack(row) {
  if (!haystacks.has(row)) {
    const items = row.pairs.flatMap(({ gold, predicted }) => [gold, predicted]).filter(Boolean);
    const words = [row.id, row.text, row.question ?? "", ...items.flatMap((item) => [item.label, item.text]), ...row.problems];
    haystacks.set(row, words.join("\n").toLowerCase());
  }
  return haystacks.get(row);
}

// Those with most mistakes of the chosen kind come first; otherwise the order is the page's own, worst first.
function ordered(rows, label) {
  if (FILTERS[state.filter]) return rows;
  return [...rows].sort((one, other) => ofKind(other, state.filter, label) - ofKind(one, state.filter, label));
}

function render() {
  const rows = splits[$("split").value];
  const query = $("query").value.trim().toLowerCase();
  const label = LABELS[$("label").value] ?? "";
  const wanted = (row) => (state.id === null ? !query || haystack(row).includes(query) : row.id === state.id);
  const matching = rows.filter(wanted);
  for (const button of document.querySelectorAll("[data-filter]")) {
    const key = button.dataset.filter;
    const number = matching.filter((row) => fits(row, key, label)).length;
    button.setAttribute("aria-pressed", String(key === state.filter));
    button.querySelector(".number").textContent = number.toLocaleString("en");
    button.hidden = !FILTERS[key] && !number && key !== state.filter;
  }
  const found = ordered(matching.filter((row) => fits(row, state.filter, label)), label);
  const first = state.page * PER_PAGE;
  const here = found.slice(first, first + PER_PAGE);
  $("list").replaceChildren(...here.map(card));
  $("list").start = first + 1;
  const number = (value) => value.toLocaleString("en");
  $("shown").textContent = shown[$("split").value];
  $("count").textContent = here.length
    ? `Documents ${number(first + 1)} to ${number(first + here.length)} of ${number(found.length)}${state.id === null ? "" : ", by its id"}`
    : "No document matches.";
  $("previous").disabled = state.page === 0;
  $("next").disabled = first + PER_PAGE >= found.length;
}

function show(change) {
  Object.assign(state, { page: 0, id: null }, change);
  render();
}

function turn(step) {
  show({ page: state.page + step });
  $("count").focus();
  $("count").scrollIntoView();
}

// From the tables of mistakes to the documents that made them.
function goTo({ kind, split, document: id }) {
  $("split").value = split;
  $("label").value = "";
  $("query").value = "";
  show({ filter: kind, id: id ?? null });
  $("count").focus({ preventScroll: true });
  $("documents").scrollIntoView();
}

function light(event, on) {
  const chip = event.target.closest?.("[data-item]");
  if (!chip) return;
  for (const node of chip.closest("#list > li").querySelectorAll(".text [data-items]")) {
    if (node.dataset.items.split(" ").includes(chip.dataset.item)) node.classList.toggle("lit", on);
  }
}

function otherTheme() {
  const chosen = document.documentElement.dataset.theme;
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "light" : "dark";
}

function nameTheme() {
  $("theme").textContent = otherTheme() === "dark" ? "Dark" : "Light";
}

LABELS.forEach((label, index) => {
  const option = element("option", "", plain(label));
  option.value = String(index);
  $("label").append(option);
});
for (const button of document.querySelectorAll("[data-filter]")) {
  button.append(" ", element("span", "number"));
  button.addEventListener("click", () => show({ filter: button.dataset.filter }));
}
for (const button of document.querySelectorAll("[data-kind]")) button.addEventListener("click", () => goTo(button.dataset));
for (const id of ["split", "label"]) $(id).addEventListener("change", () => show({}));
$("query").addEventListener("input", () => show({}));
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
$("list").addEventListener("mouseover", (event) => light(event, true));
$("list").addEventListener("mouseout", (event) => light(event, false));
$("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = otherTheme();
  nameTheme();
});
$("theme").hidden = false;
nameTheme();
render();
