"use strict";
// Keeps score of the reader's guesses; nothing is stored or sent.
const score = document.getElementById("score");
const passages = [...document.querySelectorAll(".passage")];
const guesses = new Map();

function told() {
  const right = [...guesses.values()].filter((guess) => guess.right).length;
  let words = `${right} of ${guesses.size} right, of ${passages.length} passages.`;
  if (guesses.size === passages.length) {
    const fooled = new Map();
    for (const guess of guesses.values())
      if (guess.made && !guess.right) fooled.set(guess.answer, (fooled.get(guess.answer) || 0) + 1);
    const most = Math.max(0, ...fooled.values());
    const names = [...fooled].filter(([, times]) => times === most).map(([name]) => name);
    words += most ? ` What fooled you most: ${names.join(" and ")} (${most} times).` : " Nothing fooled you.";
  }
  score.textContent = words;
}

for (const passage of passages) {
  const row = passage.querySelector(".guess");
  const { truth, answer } = passage.dataset;
  passage.querySelector("details").hidden = true;
  row.hidden = false;
  for (const button of row.querySelectorAll("button"))
    button.addEventListener("click", () => {
      if (guesses.has(passage)) return;
      const right = button.value === truth;
      guesses.set(passage, { right, made: truth === "made", answer });
      row.querySelector("span").textContent = `${right ? "Right" : "Wrong"}: ${answer}.`;
      for (const other of row.querySelectorAll("button")) other.disabled = true;
      told();
    });
}
score.hidden = passages.length === 0;
told();
