"use strict";
// The reader: text by symbols, coloured by a cell, each over what a model expects next.
// Text comes from the page's JSON and enters by textContent only.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const reader = find("reader");
  const middle = (data.levels.length - 1) / 2;
  const level = new Map([...data.levels].map((character, place) => [character, place / middle - 1]));
  const likeliest = data.models[0].ids.length / data.text.length;
  const pages = Math.ceil(data.text.length / data.at_once);
  const chosen = { layer: 0, cell: 0, model: 0, page: 0, at: 0 };
  let columns = [];

  const between = (value, low, high) => Math.min(Math.max(value, low), high);
  const held = (at) => level.get(data.layers[chosen.layer][chosen.cell][at]);
  const visible = (id) => (data.symbols[id] === " " ? "␣" : data.symbols[id]);

  function write(element, label) {
    element.textContent = label;
    element.classList.toggle("byte", /^[0-9A-F]{2}$/.test(label));
  }

  function layOut() {
    const first = chosen.page * data.at_once;
    const last = Math.min(first + data.at_once, data.text.length);
    columns = [];
    const parts = [];
    for (let at = first; at < last; at++) {
      const column = document.createElement("div");
      column.className = "symbol";
      column.dataset.at = at;
      const label = data.symbols[data.text[at]];
      write(column.appendChild(document.createElement("b")), label);
      for (let rank = 0; rank < likeliest; rank++) {
        column.appendChild(document.createElement("i"));
      }
      columns.push(column);
      parts.push(column);
      if (label === data.line_break) {
        const end = document.createElement("div");
        end.className = "break";
        parts.push(end);
      }
    }
    reader.replaceChildren(...parts);
    find("page").textContent = `${first + 1} to ${last} of ${data.text.length}`;
    find("back").disabled = chosen.page === 0;
    find("on").disabled = chosen.page === pages - 1;
    colour();
    expect();
  }

  function colour() {
    for (const column of columns) {
      const value = held(Number(column.dataset.at));
      const letter = column.firstChild;
      letter.classList.toggle("excited", value > 0);
      letter.classList.toggle("quiet", value < 0);
      letter.style.setProperty("--v", Math.abs(value).toFixed(2));
    }
  }

  function expect() {
    const model = data.models[chosen.model];
    for (const column of columns) {
      const start = Number(column.dataset.at) * likeliest;
      for (let rank = 0; rank < likeliest; rank++) {
        const guess = column.children[1 + rank];
        const chance = model.chances[start + rank] / 1000;
        write(guess, chance > 0 ? visible(model.ids[start + rank]) : "");
        guess.style.setProperty("--p", chance);
      }
    }
  }

  function tell() {
    const { layer, cell, at } = chosen;
    const model = data.models[chosen.model];
    const guesses = [];
    for (let place = at * likeliest; place < (at + 1) * likeliest; place++) {
      if (model.chances[place] > 0) {
        guesses.push(`“${visible(model.ids[place])}” ${(model.chances[place] / 10).toFixed(1)} %`);
      }
    }
    const value = held(at);
    const sign = value < 0 ? "−" : "+";
    const next = at + 1 < data.text.length ? `“${visible(data.text[at + 1])}”` : "the next symbol";
    const bits = model.bits[at];
    const cost = bits === null ? "impossible to it" : `${bits.toFixed(2)} bits`;
    find("told").textContent =
      `Symbol ${at + 1}, “${visible(data.text[at])}”. ` +
      `Layer ${layer + 1}, cell ${cell + 1}: ${sign}${Math.abs(value).toFixed(2)}. ` +
      `Next, by ${model.name}: ${guesses.join(", ")}. What comes is ${next}: ${cost}.`;
    for (const column of columns) {
      column.classList.toggle("here", Number(column.dataset.at) === at);
    }
  }

  function goTo(at) {
    chosen.at = between(at, 0, data.text.length - 1);
    const page = Math.floor(chosen.at / data.at_once);
    if (page !== chosen.page || !columns.length) {
      chosen.page = page;
      layOut();
    }
    tell();
  }

  function choose(layer, cell) {
    chosen.layer = between(layer, 0, data.layers.length - 1);
    chosen.cell = between(cell, 0, data.layers[chosen.layer].length - 1);
    find("layer").selectedIndex = chosen.layer;
    find("cell").value = chosen.cell + 1;
    const feature = find("feature");
    const name = `${chosen.layer + 1}.${chosen.cell + 1}`;
    if (feature.value !== name) {
      feature.value = [...feature.options].some((option) => option.value === name) ? name : "";
    }
    colour();
    tell();
  }

  // A feature's best cell ("layer.cell", counted from 1), where the feature begins.
  function lead(name, at) {
    const [layer, cell] = name.split(".").map(Number);
    choose(layer - 1, cell - 1);
    if (at !== undefined) goTo(Number(at));
  }

  const keys = {
    ArrowLeft: () => goTo(chosen.at - 1),
    ArrowRight: () => goTo(chosen.at + 1),
    ArrowUp: () => choose(chosen.layer, chosen.cell - 1),
    ArrowDown: () => choose(chosen.layer, chosen.cell + 1),
    PageUp: () => goTo((chosen.page - 1) * data.at_once),
    PageDown: () => goTo(Math.min(chosen.page + 1, pages - 1) * data.at_once),
  };
  reader.addEventListener("keydown", (event) => {
    if (keys[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  for (const kind of ["pointerover", "click"]) {
    reader.addEventListener(kind, (event) => {
      const column = event.target.closest(".symbol");
      if (column) goTo(Number(column.dataset.at));
    });
  }
  find("feature").addEventListener("change", (event) => {
    const [option] = event.target.selectedOptions;
    if (option.value) lead(option.value, option.dataset.at);
  });
  find("layer").addEventListener("change", (event) => choose(event.target.selectedIndex, chosen.cell));
  find("cell").addEventListener("input", (event) => {
    const cell = event.target.valueAsNumber;
    if (Number.isInteger(cell)) choose(chosen.layer, cell - 1);
  });
  find("model").addEventListener("change", (event) => {
    chosen.model = event.target.selectedIndex;
    expect();
    tell();
  });
  find("back").addEventListener("click", keys.PageUp);
  find("on").addEventListener("click", keys.PageDown);
  for (const button of document.querySelectorAll("[data-cell]")) {
    button.addEventListener("click", () => {
      lead(button.dataset.cell, button.dataset.at);
      find("reader-title").scrollIntoView();
      reader.focus({ preventScroll: true });
    });
  }
  for (const model of data.models) {
    find("model").appendChild(document.createElement("option")).textContent = model.name;
  }

  goTo(0);
  const first = find("feature").options[1];
  if (first) lead(first.value);
})();
