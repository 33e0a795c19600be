"use strict";
// What the reader sees of it. Text enters by textContent only; the worker has the models.
(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const training = find("training").textContent;
  const shown = find("text");
  const idOf = new Map(data.symbols.map((bytes, id) => [bytes, id]));
  const worker = new Worker(URL.createObjectURL(new Blob([`(${engine})()`])));
  const INVISIBLE = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "←" };
  let symbols = []; // {id, bits, ms, likeliest, shown, span} of all that was read
  let given = 0; // so many of them are the beginning
  let writing = false;
  let waiting = false; // for the worker to write
  let at = -1; // the symbol pointed at
  let held = false;

  // ---- Symbols: bytes, which may be parts of characters, or characters, or words.

  const latin = (bytes) => String.fromCharCode(...bytes);
  const bytesOf = (text) => latin(new TextEncoder().encode(text));
  const ofBytes = (bytes) => Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
  const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");

  // The ids of a text, or the first piece of it that the network does not know.
  function encoded(text) {
    const pieces = data.unit === "words" ? text.match(/ ?[\w\u0080-\uffff]+|[^]/g) || [] : [...text];
    const ids = [];
    for (const piece of pieces) {
      const bytes = bytesOf(piece);
      const whole = data.unit !== "bytes" && idOf.has(bytes);
      for (const part of whole || data.unit === "characters" ? [bytes] : bytes) {
        if (!idOf.has(part)) return { unknown: piece };
        ids.push(idOf.get(part));
      }
    }
    return { ids };
  }

  const decoder = new TextDecoder("utf-8", { fatal: true });
  function character(bytes) {
    try {
      return decoder.decode(Uint8Array.from(bytes));
    } catch {
      return null;
    }
  }
  const lengthOf = (byte) => (byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1);

  // Writes symbols into an element: a character of several bytes stands in the last one's span; a
  // byte that belongs to none shows its digits.
  function printer(element) {
    let open = []; // {byte, span} of a character that is not whole yet
    const asByte = ({ byte, span }) => {
      span.textContent = hex(byte);
      span.className = "byte";
    };
    return {
      clear() {
        open = [];
        element.replaceChildren();
      },
      print(id) {
        const span = element.appendChild(document.createElement("i"));
        let text = "";
        for (const byte of ofBytes(data.symbols[id])) {
          if (open.length && (byte & 0xc0) !== 0x80) open = [];
          open.push({ byte, span });
          if (open.length < lengthOf(open[0].byte)) continue;
          const whole = character(open.map((part) => part.byte));
          if (whole === null) continue;
          for (const part of open) {
            if (part.span !== span) part.span.textContent = part.span.className = "";
          }
          text += whole;
          open = [];
        }
        span.textContent = text;
        if (text === "\n") span.className = "end";
        if (!text) open.filter((part) => part.span === span).forEach(asByte);
        return span;
      },
    };
  }
  const printed = printer(shown);
  const counts = training ? printer(find("counts-text")) : null;

  function label(id) {
    const bytes = ofBytes(data.symbols[id]);
    const text = character(bytes);
    if (text === null || /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) {
      return Array.from(bytes, hex).join(" ");
    }
    return [...text].map((one) => INVISIBLE[one] || one).join("");
  }

  // ---- Colours

  const unit = (name) => Number(find(name).value) - 1;
  const cell = () => ({ layer: unit("layer"), unit: Math.min(Math.max(unit("unit"), 0), data.hidden - 1) });
  const scale = () => find("colour").value;

  function paint({ span, bits, shown: value }) {
    const by = scale();
    const strength = by === "surprise" ? Math.min((bits || 0) / data.surprise, 1) : Math.abs(value);
    span.classList.toggle("surprise", by === "surprise");
    span.classList.toggle("excited", by !== "" && by !== "surprise" && value > 0);
    span.classList.toggle("quiet", by !== "" && by !== "surprise" && value < 0);
    span.style.setProperty("--v", strength.toFixed(2));
  }

  function chooseColour() {
    const by = scale();
    const ofCell = by !== "" && by !== "surprise";
    if (by.includes(".")) [find("layer").value, find("unit").value] = by.split(".");
    for (const field of document.querySelectorAll(".of-cell")) field.hidden = by !== "cell";
    document.querySelector(".of-shade").hidden = !ofCell;
    document.querySelector(".of-surprise").hidden = by !== "surprise";
    if (ofCell) worker.postMessage({ do: "cell", cell: cell() });
    else symbols.forEach(paint);
  }

  // ---- What is expected after the symbol pointed at

  function row([id, chance], element) {
    const item = document.createElement("li");
    const key = item.appendChild(document.createElement(element));
    key.textContent = label(id);
    const bar = item.appendChild(document.createElement("div"));
    bar.className = "bar";
    bar.style.setProperty("--p", chance.toFixed(4));
    item.appendChild(document.createElement("span")).textContent = `${(100 * chance).toFixed(1)} %`;
    return { item, key };
  }

  function expectations() {
    const rows = symbols[at].likeliest.map((guess, place) => {
      const { item, key } = row(guess, "button");
      key.type = "button";
      key.setAttribute("aria-label", `Go on with ${key.textContent}`);
      key.addEventListener("click", () => goOnWith(place));
      return item;
    });
    find("next").replaceChildren(...rows);
    const before = symbols.slice(Math.max(0, at - 9), at + 1);
    find("place").textContent = `“${before.map(({ id }) => label(id)).join("")}”`;
    if (training) worker.postMessage({ do: "ngram", at, order: Number(find("order").value) });
  }

  function pointAt(place, hold) {
    if (at >= 0 && at < symbols.length) symbols[at].span.classList.remove("here", "held");
    at = Math.min(Math.max(place, 0), symbols.length - 1);
    held = hold;
    if (at < 0) return;
    symbols[at].span.classList.add("here");
    symbols[at].span.classList.toggle("held", hold);
    expectations();
  }

  // ---- Reading and writing

  function say(words, wrong = false) {
    find("said").textContent = words;
    find("said").classList.toggle("wrong", wrong);
  }

  function read(keep, ids) {
    worker.postMessage({ do: "read", keep, ids, cell: cell() });
  }

  // Read the beginning as it stands in its field; false if the network cannot.
  function begin() {
    stop();
    const { ids, unknown } = encoded(find("beginning").value);
    find("beginning").toggleAttribute("aria-invalid", unknown !== undefined);
    if (unknown !== undefined) {
      say(
        `The network does not know “${unknown}”: the text it learnt from never has it. ` +
          "Take it out of the beginning; the symbols it knows stand at the foot of the page.",
        true,
      );
      return false;
    }
    const wanted = ids.length ? ids : data.start;
    let keep = 0;
    while (keep < Math.min(wanted.length, given) && symbols[keep].id === wanted[keep]) keep++;
    given = wanted.length;
    held = false;
    read(keep, wanted.slice(keep));
    say("");
    return true;
  }

  function goOnWith(place) {
    const guess = symbols[at].likeliest[place];
    if (!guess) return;
    given = Math.min(given, at + 1);
    held = false;
    read(at + 1, [guess[0]]);
  }

  function write() {
    if (waiting) return;
    if (symbols.length >= data.most) {
      stop();
      say(`The text has ${symbols.length} symbols, as many as this page keeps: start over.`);
      return;
    }
    waiting = true;
    worker.postMessage({
      do: "write",
      temperature: Number(find("temperature").value),
      order: training ? Number(find("order").value) : 0,
      cell: cell(),
    });
  }

  function go() {
    writing = true;
    find("go").textContent = "Stop";
    write();
  }

  function stop() {
    writing = false;
    find("go").textContent = "Go";
  }

  const atEnd = ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 40;

  // What was copied is underlined: the last symbols of a text.
  function underline(element) {
    for (let k = 1; k <= data.copy; k++) element.children[element.children.length - k].classList.add("copied");
  }

  // Every answer that changes the text says how much of it is kept, and what comes after.
  function take({ keep, symbols: fresh, beside }) {
    const follows = at >= symbols.length - 1 || !held;
    const ends = [...document.querySelectorAll(".text")].filter(atEnd);
    if (keep < symbols.length) {
      printed.clear();
      fresh = [...symbols.slice(0, keep), ...fresh];
      symbols = [];
    }
    for (const symbol of fresh) {
      const span = printed.print(symbol.id);
      span.classList.toggle("given", symbols.length < given);
      symbols.push({ ...symbol, span });
      paint(symbols.at(-1));
      if (symbol.copied) underline(shown);
    }
    if (beside === null && counts) {
      counts.clear();
      for (const { id } of symbols) counts.print(id).classList.add("given");
    }
    if (beside !== null) {
      counts.print(beside.id);
      if (beside.copied) underline(find("counts-text"));
    }
    for (const element of ends) element.scrollTop = element.scrollHeight;
    if (follows) pointAt(symbols.length - 1, false);
    speed();
  }

  function speed() {
    const times = symbols.slice(-50).map(({ ms }) => ms).sort((a, b) => a - b);
    const middle = times[Math.floor(times.length / 2)];
    find("speed").textContent = `A symbol takes ${middle.toFixed(1)} ms on your machine.`;
  }

  const answers = {
    load() {
      for (const id of ["go", "step", "over"]) find(id).disabled = false;
      begin();
    },
    read: take,
    write(answer) {
      waiting = false;
      take(answer);
      if (writing) requestAnimationFrame(() => writing && write());
    },
    cell({ values }) {
      symbols.forEach((symbol, place) => {
        symbol.shown = values[place];
        paint(symbol);
      });
    },
    ngram({ at: place, longest, times, likeliest }) {
      if (place !== at) return;
      const often = times === 1 ? "once" : `${times.toLocaleString("en")} times`;
      const last = longest === 1 ? "the last symbol" : `the last ${longest} symbols`;
      find("counted").textContent = longest ? `: ${last}, seen ${often}` : ": all symbols, as none fits";
      find("counts").replaceChildren(...likeliest.map((guess) => row(guess, "b").item));
    },
    failure({ reason }) {
      say(`The network could not be unpacked (${reason}): try a current browser.`, true);
    },
  };
  worker.onmessage = ({ data: answer }) => answers[answer.did](answer);

  // ---- Controls

  const keys = {
    ArrowLeft: () => pointAt(at - 1, true),
    ArrowRight: () => pointAt(at + 1, true),
    Escape: () => pointAt(symbols.length - 1, false),
    Enter: write,
    " ": () => find("go").click(),
  };
  shown.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !symbols.length) return;
    const act = keys[event.key] || (/^[1-9]$/.test(event.key) && (() => goOnWith(Number(event.key) - 1)));
    if (!act) return;
    event.preventDefault();
    act();
  });
  const placeOf = (event) => symbols.findIndex(({ span }) => span === event.target);
  shown.addEventListener("pointerover", (event) => {
    const place = placeOf(event);
    if (place >= 0 && !held && !writing) pointAt(place, false);
  });
  shown.addEventListener("click", (event) => {
    const place = placeOf(event);
    if (place >= 0) pointAt(place, !(held && place === at));
  });
  find("go").addEventListener("click", () => (writing ? stop() : go()));
  find("step").addEventListener("click", () => {
    stop();
    write();
  });
  find("over").addEventListener("click", () => {
    given = 0;
    begin();
  });
  find("beginning").addEventListener("input", begin);
  find("temperature").addEventListener("input", (event) => {
    find("degrees").textContent = event.target.value;
  });
  for (const id of ["colour", "layer"]) find(id).addEventListener("change", chooseColour);
  find("unit").addEventListener("input", chooseColour);
  if (training) find("order").addEventListener("change", () => symbols.length && pointAt(at, held));
  find("symbols").textContent = data.symbols.map((_, id) => label(id)).join(" ");

  worker.postMessage({ do: "load", about: data, weights: find("weights").textContent, text: training });
})();
