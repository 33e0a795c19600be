// The network and the n-grams of the page, in a worker: read symbols, write symbols.
// Each message in has one message out, in order; `do` names what is to be done.
// Shapes: D inputs of a product, R rows of it, H units, V symbols.
function engine() {
  "use strict";
  const EVERY = 32; // Symbols between two states that are kept: going back reads so many again.
  const SHADES = 127;
  let network, training, history;

  async function inflated(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  // Matrices one after the other: a scale for each row, then the rows' integers.
  function matrices(shapes, buffer) {
    let at = 0;
    const take = (Kind, count) => {
      const found = new Kind(buffer.slice(at, at + count * Kind.BYTES_PER_ELEMENT));
      at += found.byteLength;
      return found;
    };
    return shapes.map(({ rows, columns, bits }) => ({
      rows,
      columns,
      scales: take(Float32Array, rows),
      values: take(bits === 8 ? Int8Array : Int16Array, rows * columns),
    }));
  }

  function opened(about, buffer) {
    const { hidden } = about;
    const all = matrices(about.matrices, buffer);
    const bias = all.pop();
    const decoder = all.pop();
    const layers = [];
    while (all.length) {
      const [matrix, table] = all.splice(0, 2);
      const inputs = new Float32Array(matrix.columns); // from the layer below, then its own h
      const h = inputs.subarray(matrix.columns - hidden);
      const sums = new Float32Array(matrix.rows);
      layers.push({ matrix, table, inputs, h, c: new Float32Array(hidden), sums });
    }
    return { ...about, advance: kinds[about.kind], layers, decoder, bias };
  }

  // Four rows at a time: each input is read once for four products.
  function multiply({ rows, columns, scales, values }, inputs, out) {
    for (let row = 0; row < rows; row += 4) {
      const first = row * columns;
      const second = first + columns;
      const third = second + columns;
      const fourth = third + columns;
      let a = 0, b = 0, c = 0, d = 0;
      for (let k = 0; k < columns; k++) {
        const value = inputs[k];
        a += values[first + k] * value;
        b += values[second + k] * value;
        c += values[third + k] * value;
        d += values[fourth + k] * value;
      }
      out[row] = a * scales[row];
      out[row + 1] = b * scales[row + 1];
      out[row + 2] = c * scales[row + 2];
      out[row + 3] = d * scales[row + 3];
    }
  }

  // A one-hot input picks a column of its weights: a row of the table, with the biases in it.
  function add({ columns, scales, values }, row, out) {
    const first = row * columns;
    for (let k = 0; k < columns; k++) out[k] += values[first + k] * scales[row];
  }

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const kinds = {
    lstm({ sums, h, c }, units) {
      for (let j = 0; j < units; j++) {
        const added = sigmoid(sums[j]) * Math.tanh(sums[2 * units + j]);
        c[j] = sigmoid(sums[units + j]) * c[j] + added;
        h[j] = sigmoid(sums[3 * units + j]) * Math.tanh(c[j]);
      }
    },
    gru({ sums, h }, units) {
      for (let j = 0; j < units; j++) {
        const reset = sigmoid(sums[j]);
        const candidate = Math.tanh(sums[2 * units + j] + reset * sums[3 * units + j]);
        h[j] = candidate + sigmoid(sums[units + j]) * (h[j] - candidate);
      }
    },
    rnn({ sums, h }, units) {
      for (let j = 0; j < units; j++) h[j] = Math.tanh(sums[j]);
    },
  };

  // Feed a symbol: natural-log probabilities of the next one, (V,).
  function step(symbol) {
    let row = symbol;
    let below = null;
    for (const layer of network.layers) {
      if (below) layer.inputs.set(below);
      multiply(layer.matrix, layer.inputs, layer.sums);
      add(layer.table, row, layer.sums);
      network.advance(layer, network.hidden);
      below = layer.h;
      row = 0;
    }
    return logSoftmax(decode(network.decoder, network.bias, below));
  }

  // Apart from `multiply` as its integers are of another size, and one loop for both is slow.
  function decode({ columns, scales, values }, bias, h) {
    const out = new Float64Array(bias.columns);
    for (let row = 0; row < out.length; row++) {
      let sum = 0;
      for (let k = 0, at = row * columns; k < columns; k++) sum += values[at + k] * h[k];
      out[row] = sum * scales[row] + bias.values[row] * bias.scales[0];
    }
    return out;
  }

  function logSoftmax(values) {
    let most = -Infinity;
    for (const value of values) most = Math.max(most, value);
    let total = 0;
    for (const value of values) total += Math.exp(value - most);
    const less = most + Math.log(total);
    return values.map((value) => value - less);
  }

  // The unsmoothed n-gram: what followed the longest piece of the last `order` symbols that the
  // training text has. Places where a symbol stands are linked, each to the one before.
  function indexed(text, size) {
    const last = new Int32Array(size).fill(-1);
    const before = new Int32Array(text.length);
    for (let at = 0; at + 1 < text.length; at++) {
      before[at] = last[text[at]];
      last[text[at]] = at;
    }
    return { text, last, before, size };
  }

  function counted(ids, order) {
    const { text, last, before, size } = training;
    const end = ids.length - 1;
    const counts = new Float64Array(size);
    let longest = 0;
    let times = 0;
    for (let at = last[ids[end]]; at >= 0; at = before[at]) {
      let length = 1;
      while (length < order && at >= length && text[at - length] === ids[end - length]) length++;
      if (length > longest) {
        longest = length;
        times = 0;
        counts.fill(0);
      }
      if (length === longest) {
        times++;
        counts[text[at + 1]]++;
      }
    }
    if (!times) {
      for (const id of text) counts[id]++;
      times = text.length;
    }
    return { longest, times, expected: counts.map((count) => Math.log(count / times)) };
  }

  // Whether the last symbols stand so in the training text.
  function copied(ids) {
    return Boolean(training) && counted(ids, network.copy).longest === network.copy;
  }

  function likeliest(expected) {
    const ids = [...expected.keys()].filter((id) => expected[id] > -Infinity);
    ids.sort((a, b) => expected[b] - expected[a]);
    return ids.slice(0, network.likeliest).map((id) => [id, Math.exp(expected[id])]);
  }

  function drawn(expected, temperature) {
    let best = 0;
    for (let id = 1; id < expected.length; id++) if (expected[id] > expected[best]) best = id;
    if (!temperature) return best;
    const weights = expected.map((value) => Math.exp((value - expected[best]) / temperature));
    let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
    for (let id = 0; id < weights.length; id++) {
      left -= weights[id];
      if (left < 0) return id;
    }
    return best;
  }

  // What was read: its symbols, what the network expects now, what all cells showed after each
  // symbol, the states before every so-manieth, and the n-gram's own text beside it.
  function begun() {
    return { ids: [], expected: null, shown: [], states: [], beside: [] };
  }

  function keepState() {
    return network.layers.map(({ h, c }) => [h.slice(), c.slice()]);
  }

  function returnTo(state) {
    network.layers.forEach((layer, place) => {
      layer.h.set(state[place][0]);
      layer.c.set(state[place][1]);
    });
  }

  function read(id) {
    const { ids, expected, shown, states } = history;
    if (ids.length % EVERY === 0) states[ids.length / EVERY] = keepState();
    const began = performance.now();
    history.expected = step(id);
    const ms = performance.now() - began;
    const values = new Int8Array(network.layers.length * network.hidden);
    network.layers.forEach(({ h, c }, place) => {
      for (let j = 0; j < h.length; j++) {
        const value = network.kind === "lstm" ? Math.tanh(c[j]) : h[j];
        values[place * h.length + j] = Math.round(SHADES * value);
      }
    });
    ids.push(id);
    shown.push(values);
    const bits = expected ? -expected[id] / Math.LN2 : null;
    return { id, bits, ms, likeliest: likeliest(history.expected) };
  }

  function backTo(keep) {
    const kept = history.ids.slice(0, keep);
    const place = Math.max(0, Math.floor((keep - 1) / EVERY));
    const first = keep ? place * EVERY : 0;
    returnTo(history.states[place]);
    history.ids.length = history.shown.length = first;
    history.expected = null;
    kept.slice(first).forEach(read);
  }

  const cellOf = ({ layer, unit }) => layer * network.hidden + unit;
  const answers = {
    async load({ about, weights, text }) {
      network = opened(about, await inflated(weights));
      history = begun();
      history.states.push(keepState());
      if (text) {
        const Kind = about.unit === "bytes" ? Uint8Array : Uint32Array;
        training = indexed(new Kind(await inflated(text)), about.symbols.length);
      }
      return {};
    },
    // Keep the first `keep` symbols, read others after them; the n-gram begins anew from there.
    read({ keep, ids, cell }) {
      if (keep < history.ids.length) backTo(keep);
      const symbols = ids.map((id) => ({ ...read(id), shown: shownBy(cell) }));
      history.beside = history.ids.slice();
      return { keep, symbols, beside: null };
    },
    write({ temperature, order, cell }) {
      const keep = history.ids.length;
      const symbols = [{ ...read(drawn(history.expected, temperature)), shown: shownBy(cell) }];
      symbols[0].copied = copied(history.ids);
      if (!training) return { keep, symbols, beside: null };
      const id = drawn(counted(history.beside, order).expected, temperature);
      history.beside.push(id);
      return { keep, symbols, beside: { id, copied: copied(history.beside) } };
    },
    cell({ cell }) {
      return { values: history.shown.map((values) => values[cellOf(cell)] / SHADES) };
    },
    ngram({ at, order }) {
      const { longest, times, expected } = counted(history.ids.slice(0, at + 1), order);
      return { at, order, longest, times, likeliest: likeliest(expected) };
    },
  };
  const shownBy = (cell) => history.shown.at(-1)[cellOf(cell)] / SHADES;

  let working = Promise.resolve();
  self.onmessage = ({ data }) => {
    working = working
      .then(async () => self.postMessage({ did: data.do, ...(await answers[data.do](data)) }))
      .catch((reason) => self.postMessage({ did: "failure", reason: String(reason) }));
  };
}
