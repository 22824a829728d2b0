// What is large lies in the page compressed (RFC 1951 and 1952), and is unpacked here at once: a browser's own stream would answer later
// than a page is printed.  The text of one place, from base64.
const unpacked = (function () {
  "use strict";
  const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]; // of the lengths of codes for lengths
  const HEAD = 10, TAIL = 4; // bytes of gzip before the data, and of their length at the end
  const lengths = steps(29, 3, (k) => (k < 8 || k === 28 ? 0 : (k >> 2) - 1)), distances = steps(30, 1, (k) => (k < 4 ? 0 : (k >> 1) - 1));
  lengths[28].from = 258;

  // Where each symbol's values begin, and how many bits tell which it is.
  function steps(count, first, bitsOf) {
    let from = first;
    return Array.from({ length: count }, function (_, k) {
      const step = { from, bits: bitsOf(k) };
      from += 1 << step.bits;
      return step;
    });
  }

  // Symbol and length of a code, by the bits that begin with it.
  function codes(sizes) {
    const most = Math.max(1, ...sizes), found = new Uint16Array(1 << most);
    for (let size = 1, code = 0; size <= most; size++, code <<= 1) {
      for (let symbol = 0; symbol < sizes.length; symbol++) {
        if (sizes[symbol] !== size) continue;
        let turned = 0;
        for (let k = 0; k < size; k++) turned |= ((code >> k) & 1) << (size - 1 - k);
        for (let k = turned; k < found.length; k += 1 << size) found[k] = (symbol << 4) | size;
        code++;
      }
    }
    return { found, most };
  }

  function inflate(data) {
    const end = data.length - TAIL, out = new Uint8Array(new DataView(data.buffer).getUint32(end, true));
    let at = HEAD, held = 0, have = 0, written = 0;
    function fill(count) {
      for (; have < count; have += 8) held |= data[at++] << have;
    }
    function bits(count) {
      fill(count);
      const value = held & ((1 << count) - 1);
      held >>>= count;
      have -= count;
      return value;
    }
    function symbol(table) {
      fill(table.most);
      const entry = table.found[held & ((1 << table.most) - 1)];
      held >>>= entry & 15;
      have -= entry & 15;
      return entry >> 4;
    }
    function stored() {
      at -= have >> 3; // whole bytes that were read ahead
      held = have = 0;
      const length = data[at] | (data[at + 1] << 8);
      out.set(data.subarray(at + 4, at + 4 + length), written);
      at += 4 + length;
      written += length;
    }
    function dynamic() {
      const literals = bits(5) + 257, far = bits(5) + 1, count = bits(4) + 4, sizes = new Array(19).fill(0), all = [];
      for (let k = 0; k < count; k++) sizes[ORDER[k]] = bits(3);
      const table = codes(sizes);
      while (all.length < literals + far) {
        const one = symbol(table);
        if (one < 16) all.push(one);
        else {
          const again = one === 16 ? all[all.length - 1] : 0, times = one === 16 ? 3 + bits(2) : one === 17 ? 3 + bits(3) : 11 + bits(7);
          for (let k = 0; k < times; k++) all.push(again);
        }
      }
      return [codes(all.slice(0, literals)), codes(all.slice(literals))];
    }
    function fixed() {
      return [codes(Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8))), codes(new Array(30).fill(5))];
    }
    function block(literals, far) {
      for (;;) {
        const one = symbol(literals);
        if (one === 256) return;
        if (one < 256) out[written++] = one;
        else {
          const long = lengths[one - 257], length = long.from + bits(long.bits), away = distances[symbol(far)], back = away.from + bits(away.bits);
          for (let k = 0; k < length; k++, written++) out[written] = out[written - back];
        }
      }
    }
    for (let last = 0; !last; ) {
      last = bits(1);
      const kind = bits(2);
      if (kind === 0) stored(); else block(...(kind === 1 ? fixed() : dynamic()));
    }
    return out;
  }

  return function (place) {
    const text = atob(place.textContent), packed = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) packed[k] = text.charCodeAt(k);
    return new TextDecoder().decode(inflate(packed));
  };
})();
