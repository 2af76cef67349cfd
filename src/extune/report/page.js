"use strict";
(() => {
  // Offsets count code points, so texts are handled as arrays of them. All content enters as text nodes.
  const PER_PAGE = 20;
  const { splits, hues } = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const state = { filter: "all", page: 0 };

  const of = (items, status) => items.filter((item) => item.status === status);
  const FILTERS = {
    all: () => true,
    wrong: (row) => FILTERS.missed(row) || FILTERS.spurious(row),
    missed: (row) => row.gold.some((item) => item.status === "missed"),
    spurious: (row) => row.predicted.some((item) => item.status === "spurious"),
    ungrounded: (row) => row.predicted.some((item) => item.spans.some((span) => span.start === null)),
    problems: (row) => row.problems.length > 0,
    empty: (row) => row.predicted.length === 0,
  };
  const SIGNS = { correct: "✓", missed: "−", spurious: "+" };
  // Characters that reorder or hide text, and halves of characters, are shown by their code.
  const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\p{Surrogate}]/u;
  const coded = (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

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

  // A correct item is shown once, where the gold one stands, with the model's confidence.
  function shown(row) {
    const answers = of(row.predicted, "correct");
    const same = (one, other) => one.label === other.label && one.text === other.text;
    const correct = of(row.gold, "correct").map((item) => ({ ...answers.find((answer) => same(item, answer)), ...item }));
    const all = [...correct, ...of(row.gold, "missed"), ...of(row.predicted, "spurious")];
    const first = (item) => (item.mentions.length ? item.mentions[0][0] : Infinity);
    all.sort((one, other) => (first(one) === first(other) ? 0 : first(one) - first(other)));
    return all.map((item, index) => ({ ...item, number: index + 1 }));
  }

  function mark(item) {
    const name = item.spans.length === 1 ? item.label : String(item.number);
    const sign = item.status === "correct" ? "" : SIGNS[item.status];
    const node = element("span", `mark h${hues[item.label]}`, ...visible(sign + name));
    const words = item.spans.length === 1 ? item.label : item.text;
    node.title = `${item.status}: ${Array.from(words, (char) => (CONTROL.test(char) ? coded(char) : char)).join("")}`;
    return node;
  }

  function piece(chars, covering) {
    let node = element("span", "", ...visible(chars));
    const innermost = (wanted) => covering.filter(({ item }) => wanted.includes(item.status)).sort((a, b) => a.length - b.length)[0];
    const predicted = innermost(["correct", "spurious"]);
    const gold = innermost(["correct", "missed"]);
    if (predicted) node = element("span", `predicted h${hues[predicted.item.label]}`, node);
    if (gold) node = element("span", `gold ${gold.item.status} h${hues[gold.item.label]}`, node);
    node.dataset.items = covering.map(({ item }) => item.number).join(" ");
    return node;
  }

  function markedText(row, items) {
    const chars = Array.from(row.text);
    const mentions = items.flatMap((item) => item.mentions.map(([start, end]) => ({ item, start, end, length: end - start })));
    const cuts = [...new Set([0, chars.length, ...mentions.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
    const node = element("p", "text");
    if (row.lang) node.lang = row.lang;
    node.dir = "auto";
    cuts.slice(0, -1).forEach((start, index) => {
      const end = cuts[index + 1];
      const covering = mentions.filter((mention) => mention.start <= start && end <= mention.end);
      node.append(...(covering.length ? [piece(chars.slice(start, end), covering)] : visible(chars.slice(start, end))));
      node.append(...mentions.filter((mention) => mention.end === end).map(({ item }) => mark(item)));
    });
    return node;
  }

  function part(span) {
    const node = element("span", span.start === null ? "part absent" : "part", ...visible(span.text));
    node.dir = "auto";
    if (span.start === null) node.append(element("span", "number", " (not in text)"));
    return node;
  }

  function chip(item) {
    const word = element("span", item.status === "correct" ? "unseen" : "", ` ${item.status}`);
    const node = element("li", item.status, element("span", "state", SIGNS[item.status], word));
    const label = element("span", "label-name", ...visible(item.label));
    if (item.spans.length === 2) {
      node.prepend(element("span", "number", String(item.number)));
      node.append(part(item.spans[0]), element("span", "label-name", "— ", label, " →"), part(item.spans[1]));
    } else node.append(label, ...item.spans.map(part));
    if (item.confidence !== undefined) {
      const figure = element("span", "confidence", item.confidence.toFixed(2));
      figure.title = "confidence";
      node.append(figure);
    }
    node.dataset.item = item.number;
    return node;
  }

  function about(row, items) {
    const node = element("h3", "about", element("bdi", "", ...visible(row.id)));
    for (const status of Object.keys(SIGNS)) {
      const number = of(items, status).length;
      const all = number > 1 && number === items.length ? "all " : "";
      if (number) node.append(element("span", status === "correct" ? "" : "wrong", `${all}${number} ${status}`));
    }
    if (!items.length) node.append(element("span", "", "nothing to find, nothing predicted"));
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

  function card(row) {
    const items = shown(row);
    const node = element("li", "", about(row, items), markedText(row, items), ...problems(row));
    if (items.length) node.append(element("ul", "items", ...items.map(chip)));
    return node;
  }

  const haystacks = new WeakMap();
  function haystack(row) {
    if (!haystacks.has(row)) {
      const items = [...row.gold, ...row.predicted].flatMap((item) => [item.label, item.text]);
      haystacks.set(row, [row.id, row.text, ...items, ...row.problems].join("\n").toLowerCase());
    }
    return haystacks.get(row);
  }

  function render() {
    const rows = splits[$("split").value];
    const query = $("query").value.trim().toLowerCase();
    const matching = query ? rows.filter((row) => haystack(row).includes(query)) : rows;
    for (const button of document.querySelectorAll("[data-filter]")) {
      const key = button.dataset.filter;
      button.setAttribute("aria-pressed", String(key === state.filter));
      button.querySelector(".number").textContent = matching.filter(FILTERS[key]).length.toLocaleString("en");
    }
    const found = matching.filter(FILTERS[state.filter]);
    const first = state.page * PER_PAGE;
    const here = found.slice(first, first + PER_PAGE);
    $("list").replaceChildren(...here.map(card));
    $("list").start = first + 1;
    const number = (value) => value.toLocaleString("en");
    $("count").textContent = here.length
      ? `Documents ${number(first + 1)} to ${number(first + here.length)} of ${number(found.length)}`
      : "No document matches.";
    $("previous").disabled = state.page === 0;
    $("next").disabled = first + PER_PAGE >= found.length;
  }

  function show(change) {
    Object.assign(state, { page: 0 }, change);
    render();
  }

  function turn(step) {
    show({ page: state.page + step });
    $("count").focus();
    $("count").scrollIntoView();
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

  for (const button of document.querySelectorAll("[data-filter]")) {
    button.append(" ", element("span", "number"));
    button.addEventListener("click", () => show({ filter: button.dataset.filter }));
  }
  $("split").addEventListener("change", () => show({}));
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
})();
