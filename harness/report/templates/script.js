"use strict";
(() => {
  const root = document.documentElement;

  const replay = document.getElementById("replay");
  if (replay) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    const told = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
    const select = () => {
      getSelection().selectAllChildren(replay);
      told(document.execCommand("copy") ? "Copied" : "Selected");
    };
    button.addEventListener("click", () => {
      if (navigator.clipboard) navigator.clipboard.writeText(replay.textContent).then(() => told("Copied"), select);
      else select();
    });
    replay.after(button);
  }

  const lanes = document.getElementById("lanes");
  const table = document.getElementById("bins");
  if (lanes && table) {
    // The table behind the charts is where the values come from: what is shown and what can be read never differ.
    const rows = [...table.tBodies[0].rows];
    const places = rows.map((row) => Number(row.dataset.x));
    const outputs = [...lanes.querySelectorAll("output")];
    const svg = (name, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      return made;
    };
    const charts = [...lanes.querySelectorAll(".lane > svg")];
    const films = [...lanes.querySelectorAll(".film")];
    const above = charts.map((chart) => [...chart.querySelectorAll(".film")].pop());
    for (const chart of charts) {
      // A title shows as a tooltip, which would cover the chart under the cursor.
      const title = chart.querySelector(":scope > title");
      chart.removeAttribute("aria-labelledby");
      chart.setAttribute("aria-label", title.textContent + ". " + chart.querySelector(":scope > desc").textContent);
      title.remove();
    }
    const cursors = above.map((film) => film.appendChild(svg("line", { class: "cursor", y1: 0, y2: "100%", visibility: "hidden" })));
    const axis = document.getElementById("axis");
    const strip = axis.querySelector("svg");
    const ground = strip.appendChild(svg("rect", { class: "instant-ground", y: 3, height: 20, width: 56, rx: 3, visibility: "hidden" }));
    const instant = strip.appendChild(svg("text", { class: "instant", y: 17, "text-anchor": "middle", "font-size": 12, visibility: "hidden" }));

    // Places are per cent of the run's clock; the charts show those from `from` to `to`, beside a margin with the values' names.
    const margin = parseFloat(strip.querySelector(".frame").getAttribute("x"));
    let from = 0;
    let to = 100;
    const clamped = (value, low, high) => Math.min(Math.max(value, low), high);
    const inSight = () => {
      const seen = rows.map((_, i) => i).filter((i) => places[i] >= from && places[i] <= to);
      return [seen[0], seen[seen.length - 1]];
    };
    const placeOf = (event) => {
      const box = strip.getBoundingClientRect();
      const across = ((100 * (event.clientX - box.left)) / box.width - margin) / (100 - margin);
      return clamped(from + across * (to - from), from, to);
    };

    let now = -1;
    const show = (index) => {
      if (now >= 0) rows[now].classList.remove("now");
      now = index;
      lanes.classList.toggle("live", index >= 0);
      const seen = index >= 0 ? "visible" : "hidden";
      for (const mark of [...cursors, ground, instant]) mark.setAttribute("visibility", seen);
      if (index < 0) {
        for (const output of outputs) output.textContent = "";
        return;
      }
      const row = rows[index];
      const width = strip.getBoundingClientRect().width;
      const across = margin + ((100 - margin) * (places[index] - from)) / (to - from);
      const x = clamped((across / 100) * width, 28, width - 28);
      for (const cursor of cursors) {
        cursor.setAttribute("x1", places[index] + "%");
        cursor.setAttribute("x2", places[index] + "%");
      }
      ground.setAttribute("x", x - 28);
      instant.setAttribute("x", x);
      instant.textContent = row.cells[0].textContent;
      outputs.forEach((output, i) => { output.textContent = row.cells[i + 1].textContent; });
      row.classList.add("now");
      const said = outputs.map((output) => output.parentElement.textContent.trim().replace(/\s+/g, " "));
      axis.setAttribute("aria-valuenow", index);
      axis.setAttribute("aria-valuetext", row.cells[0].textContent + ": " + said.join(", "));
    };
    const nearest = (event) => {
      const place = placeOf(event);
      const [first, last] = inSight();
      let best = first;
      for (let i = first; i <= last; i++) if (Math.abs(places[i] - place) < Math.abs(places[best] - place)) best = i;
      return best;
    };

    const zoom = document.getElementById("zoom");
    const end = Number(zoom.dataset.end);
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
    const said = (at) => (at < 120 || at % 60 ? at + " s" : at < 7200 ? at / 60 + " min" : at / 3600 + " h");
    const ticks = [...lanes.querySelectorAll(".ticks")].map((group) => [group, [...group.children]]);
    const names = [...lanes.querySelectorAll("text[data-from]")].map((name) => [
      name, Number(name.dataset.from), Number(name.dataset.to), ["x", "text-anchor", "dx", "visibility"].map((key) => [key, name.getAttribute(key)]),
    ]);
    const set = (element, pairs) => {
      for (const [key, value] of pairs) if (value === null) element.removeAttribute(key); else element.setAttribute(key, value);
    };
    const instants = () => {
      const [first, last] = [(from / 100) * end, (to / 100) * end];
      const step = steps.find((one) => (last - first) / one <= 12) || (last - first) / 12;
      const found = [];
      for (let i = Math.ceil(first / step - 1e-9); i * step <= last + 1e-9; i++) found.push(Number((i * step).toFixed(6)));
      return found;
    };
    const marked = (kind, at, i) => {
      const mark = kind.cloneNode();
      const place = (100 * at) / end;
      for (const key of mark.tagName === "text" ? ["x"] : ["x1", "x2"]) mark.setAttribute(key, place + "%");
      if (mark.tagName === "text") {
        mark.setAttribute("text-anchor", place - from > 0.97 * (to - from) ? "end" : "middle");
        mark.classList.toggle("minor", i % 2 === 1);
        mark.textContent = said(at);
      }
      return mark;
    };
    const look = (start, stop) => {
      // Not closer than three bins: between them nothing is known.
      const least = Math.min(100, 300 / rows.length);
      const width = clamped(stop - start, least, 100);
      from = clamped((start + stop - width) / 2, 0, 100 - width);
      to = from + width;
      const whole = width === 100;
      for (const film of films) set(film, [["x", (-100 * from) / width + "%"], ["width", 10000 / width + "%"]]);
      for (const [group, drawn] of ticks) {
        const kinds = [...new Map(drawn.map((one) => [one.tagName, one])).values()];
        group.replaceChildren(...(whole ? drawn : instants().flatMap((at, i) => kinds.map((kind) => marked(kind, at, i)))));
      }
      for (const [name, first, last, drawn] of names) {
        // A name stays in sight as long as what it names does.
        const [left, right] = [Math.max(first, from), Math.min(last, to)];
        const [behind, far] = [(left - from) / width, drawn[1][1] === "end" ? 0.4 : 0.8];
        const [at, anchor, shift] = behind > far ? [right, "end", -4] : [left, "start", 4];
        const brief = last - first < 0.01 * width && first >= from - 0.1 && last <= to + 0.1;
        const seen = brief || right - left > 0.01 * width ? "visible" : "hidden";
        set(name, whole ? drawn : [["x", at + "%"], ["text-anchor", anchor], ["dx", shift], ["visibility", seen]]);
      }
      lanes.classList.toggle("zoomed", !whole);
      for (const button of zoom.querySelectorAll("button")) {
        const here = Math.abs(button.dataset.from - from) + Math.abs(button.dataset.to - to) < 0.01;
        button.setAttribute("aria-pressed", here);
      }
      if (now >= 0) show(clamped(now, ...inSight()));
    };
    const closer = (times) => {
      const middle = now >= 0 ? places[now] : (from + to) / 2;
      look(middle - (to - from) / times / 2, middle + (to - from) / times / 2);
    };
    zoom.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) look(Number(button.dataset.from), Number(button.dataset.to));
    });
    zoom.hidden = false;
    lanes.classList.add("zoomable");
    addEventListener("beforeprint", () => look(0, 100));

    const spans = above.map((film) => film.appendChild(svg("rect", { class: "span", y: 0, height: "100%", visibility: "hidden" })));
    let grasped = null;
    const span = (event) => {
      const place = placeOf(event);
      const wide = Math.abs(place - grasped) > 0.01 * (to - from);
      for (const rect of spans) {
        set(rect, [["x", Math.min(place, grasped) + "%"], ["width", Math.abs(place - grasped) + "%"], ["visibility", wide ? "visible" : "hidden"]]);
      }
      return wide ? [Math.min(place, grasped), Math.max(place, grasped)] : null;
    };
    const letGo = () => {
      grasped = null;
      for (const rect of spans) rect.setAttribute("visibility", "hidden");
    };
    lanes.addEventListener("pointerdown", (event) => {
      show(nearest(event));
      // A finger moves the cursor; the buttons zoom for it.
      if (event.button === 0 && event.pointerType !== "touch" && event.target.closest(".lane > svg")) grasped = placeOf(event);
    });
    lanes.addEventListener("pointermove", (event) => {
      show(nearest(event));
      if (grasped !== null) span(event);
    });
    addEventListener("pointerup", (event) => {
      const wanted = grasped === null ? null : span(event);
      letGo();
      if (wanted) look(...wanted);
    });
    addEventListener("pointercancel", letGo);
    lanes.addEventListener("dblclick", () => look(0, 100));
    lanes.addEventListener("pointerleave", () => { if (document.activeElement !== axis) show(-1); });

    axis.tabIndex = 0;
    axis.setAttribute("role", "slider");
    axis.setAttribute("aria-label", "Instant of the run; arrow keys move it, plus and minus zoom, 0 shows the whole run");
    axis.setAttribute("aria-valuemin", 0);
    axis.setAttribute("aria-valuemax", rows.length - 1);
    axis.setAttribute("aria-valuenow", 0);
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    const zooms = { "+": () => closer(2), "=": () => closer(2), "-": () => closer(0.5), 0: () => look(0, 100) };
    axis.addEventListener("focus", () => { if (now < 0) show(inSight()[0]); });
    axis.addEventListener("blur", () => show(-1));
    axis.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return show(-1);
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in moves || event.key in zooms)) return undefined;
      event.preventDefault();
      return event.key in zooms ? zooms[event.key]() : show(clamped((now < 0 ? inSight()[0] : now) + moves[event.key], ...inSight()));
    });
  }
  const find = document.getElementById("find");
  if (find && window.DecompressionStream) {
    const found = document.getElementById("found"), came = document.getElementById("find-came");
    const text = document.getElementById("find-text"), told = document.getElementById("find-n");
    const most = 40;
    const add = (parent, tag, words, kind) => {
      const one = parent.appendChild(document.createElement(tag));
      if (words) one.textContent = words;
      if (kind) one.className = kind;
      return one;
    };
    const ms = (value) => (value === null ? "never" : value.toLocaleString("en") + " ms");
    const packed = Uint8Array.from(atob(document.getElementById("requests-data").content.textContent), (one) => one.charCodeAt(0));
    new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json().then(({ names, questions, rows }) => {
      const outcomes = new Map();
      const all = rows.map(([id, due, phase, entry, question, outcome, took, token, version, detail, tries]) => {
        outcomes.set(outcome, (outcomes.get(outcome) || 0) + 1);
        const head = [`${(due / 1000).toFixed(2)} s`, id, names[entry], names[question], `${names[outcome]} after ${ms(took)}`, `${tries.length} attempt${tries.length === 1 ? "" : "s"}`];
        const facts = [`due in the ${names[phase]}`, questions[names[question]], token === null ? "" : `first token after ${ms(token)}`, version === null ? "" : `snapshot v${version}`, names[detail]];
        const lines = tries.map(([link, start, lasted, status, layer], place) => `try ${place + 1} at ${names[link]} · ${names[layer]} · began at ${ms(start)}, ${names[status]}${lasted === null ? "" : " after " + ms(lasted)}`);
        return { outcome, head, facts: facts.filter(Boolean), lines, sought: [...head, ...facts, ...lines].join(" ").toLowerCase() };
      });
      for (const [outcome, n] of [...outcomes].sort((a, b) => b[1] - a[1])) {
        add(came, "option", `${names[outcome]} (${n})`).value = outcome;
      }
      const show = () => {
        const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
        const fits = all.filter((one) => (came.value === "" || one.outcome === Number(came.value)) && words.every((word) => one.sought.includes(word)));
        const asked = words.length > 0 || came.value !== "";
        told.textContent = asked ? `${fits.length.toLocaleString("en")} found${fits.length > most ? `, the first ${most} are shown` : ""}` : "";
        found.replaceChildren();
        found.hidden = !asked || !fits.length;
        for (const one of asked ? fits.slice(0, most) : []) {
          const details = add(found, "details", "", "request"), line = add(details, "summary");
          for (const part of one.head) add(line, "span", part);
          add(details, "p", one.facts.join(" · "), "hint");
          const list = add(details, "ol");
          for (const words of one.lines) add(list, "li", words);
          details.open = fits.length <= 3;
        }
      };
      find.addEventListener("input", show);
      find.addEventListener("submit", (event) => { event.preventDefault(); show(); });
      find.hidden = false;
      root.dataset.requests = String(all.length);
    });
  }
  const cell = (one) => {
    const said = one.innerText === undefined ? one.textContent : one.innerText || one.textContent;
    const flat = said.replace(/\s+/g, " ").trim();
    // A spreadsheet would carry out what begins so.
    const safe = /^[=+\-@\t\r]/.test(flat) && !/^[-+]?[\d.,]+$/.test(flat) ? "'" + flat : flat;
    return `"${safe.replace(/"/g, '""')}"`;
  };
  for (const [place, table] of [...document.querySelectorAll("table")].entries()) {
    const box = table.closest(".scroll, .card") || table;
    const link = document.createElement("a");
    link.className = "csv";
    link.href = "data:,";
    link.textContent = "CSV";
    link.setAttribute("aria-label", `This table as CSV: ${box.getAttribute("aria-label") || "table " + (place + 1)}`);
    link.addEventListener("click", () => {
      const lines = [...table.rows].map((row) => [...row.cells].map(cell).join(","));
      link.href = "data:text/csv;charset=utf-8," + encodeURIComponent("\ufeff" + lines.join("\r\n") + "\r\n");
      link.download = `${(box.getAttribute("aria-label") || "table-" + (place + 1)).toLowerCase().replace(/[^a-z0-9]+/g, "-")}.csv`;
    });
    box.after(link);
  }
  root.dataset.ready = "yes";
})();
