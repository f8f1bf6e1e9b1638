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
    const cursors = charts.map((chart) => {
      // A title shows as a tooltip, which would cover the chart under the cursor.
      const title = chart.querySelector(":scope > title");
      chart.removeAttribute("aria-labelledby");
      chart.setAttribute("aria-label", title.textContent + ". " + chart.querySelector(":scope > desc").textContent);
      title.remove();
      return chart.appendChild(svg("line", { class: "cursor", y1: 0, y2: "100%", visibility: "hidden" }));
    });
    const axis = document.getElementById("axis");
    const strip = axis.querySelector("svg");
    const ground = strip.appendChild(svg("rect", { class: "instant-ground", y: 3, height: 20, width: 56, rx: 3, visibility: "hidden" }));
    const instant = strip.appendChild(svg("text", { class: "instant", y: 17, "text-anchor": "middle", "font-size": 12, visibility: "hidden" }));

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
      const x = Math.min(Math.max((places[index] / 100) * width, 28), width - 28);
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
      const box = strip.getBoundingClientRect();
      const x = (100 * (event.clientX - box.left)) / box.width;
      let best = 0;
      places.forEach((place, i) => { if (Math.abs(place - x) < Math.abs(places[best] - x)) best = i; });
      return best;
    };
    lanes.addEventListener("pointermove", (event) => show(nearest(event)));
    lanes.addEventListener("pointerdown", (event) => show(nearest(event)));
    lanes.addEventListener("pointerleave", () => { if (document.activeElement !== axis) show(-1); });

    axis.tabIndex = 0;
    axis.setAttribute("role", "slider");
    axis.setAttribute("aria-label", "Instant of the run; arrow keys move it");
    axis.setAttribute("aria-valuemin", 0);
    axis.setAttribute("aria-valuemax", rows.length - 1);
    axis.setAttribute("aria-valuenow", 0);
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    axis.addEventListener("focus", () => { if (now < 0) show(0); });
    axis.addEventListener("blur", () => show(-1));
    axis.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return show(-1);
      if (!(event.key in steps)) return undefined;
      event.preventDefault();
      return show(Math.min(Math.max(now + steps[event.key], 0), rows.length - 1));
    });
  }
  root.dataset.ready = "yes";
})();
