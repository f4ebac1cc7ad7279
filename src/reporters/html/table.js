// A table of many rows: sorted by a click on a column, filtered by text and by status, shown in
// pages, so that 10 000 rows stay quick.
const PAGE_ROWS = 25;

// columns: [{label, number, value(i), cell(i)}]; `search(i)` is the text that the filter looks in.
function bigTable({ rows, columns, search, statuses, status }) {
  const state = { order: [...Array(rows).keys()], shown: [], page: 0, column: null, down: false };
  const haystacks = [];
  const haystack = (i) => (haystacks[i] ??= search(i).toLowerCase());
  const words = el("input", { type: "search", placeholder: "Filter by text, status or number", "aria-label": "Filter prompts" });
  const choice = el("select", { "aria-label": "Status" }, el("option", { value: "" }, "every status"),
    statuses.map((s) => el("option", { value: s }, s)));
  const count = el("span", { class: "note", role: "status" });
  const back = el("button", { class: "button", type: "button", onclick: () => turn(-1) }, "Previous");
  const next = el("button", { class: "button", type: "button", onclick: () => turn(1) }, "Next");
  const body = el("tbody", {});
  const heads = columns.map((column) => el("th", { class: column.number ? "num" : "", scope: "col", "aria-sort": "none" },
    el("button", { type: "button", onclick: () => sortBy(column) }, column.label)));

  function compare(column, down) {
    return (a, b) => {
      const x = column.value(a);
      const y = column.value(b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;  // unknown: last
      const way = typeof x === "string" ? x.localeCompare(y) : x - y;
      return (down ? -way : way) || a - b;
    };
  }
  function sortBy(column) {
    state.down = state.column === column ? !state.down : false;
    state.column = column;
    state.order.sort(compare(column, state.down));
    heads.forEach((head, i) => head.setAttribute("aria-sort",
      columns[i] !== column ? "none" : state.down ? "descending" : "ascending"));
    filter();
  }
  function filter() {
    const terms = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.shown = state.order.filter((i) => (!choice.value || status(i) === choice.value) &&
      terms.every((term) => haystack(i).includes(term)));
    state.page = 0;
    show();
  }
  function turn(by) {
    state.page += by;
    show();
  }
  function show() {
    const from = state.page * PAGE_ROWS;
    const to = Math.min(from + PAGE_ROWS, state.shown.length);
    body.replaceChildren(...state.shown.slice(from, to).map((i) =>
      el("tr", {}, columns.map((column) => el("td", { class: column.number ? "num" : column.cls || "" }, column.cell(i))))));
    const all = state.shown.length === rows ? "" : ` of ${rows.toLocaleString("en-US")}`;
    count.textContent = state.shown.length === 0 ? "No prompt matches."
      : `${(from + 1).toLocaleString("en-US")}–${to.toLocaleString("en-US")} of ${state.shown.length.toLocaleString("en-US")}` +
        (all ? ` (filtered${all})` : "");
    back.disabled = state.page === 0;
    next.disabled = to >= state.shown.length;
  }
  words.addEventListener("input", filter);
  choice.addEventListener("change", filter);
  filter();
  return [
    el("div", { class: "controls" }, words, statuses.length > 1 ? choice : null),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Prompts" },
      el("table", {}, el("thead", {}, el("tr", {}, heads)), body)),
    el("div", { class: "controls", style: "margin:12px 0 0" }, back, next, count),
  ];
}
