// The page of a game day: it shows what it is told on /stream, and says on /say what a person does. Texts of others are only ever text.
"use strict";
const $ = (id) => document.getElementById(id);
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const KEPT = "gameday-name";
const SILENT_MS = 25000, STALE_MS = 5000, AGAIN_MS = 1000, ANSWER_MS = 10000, TRIES_MS = 60000;
const KINDS = ["detected", "acknowledged", "mitigated", "resolved"];
const SORTS = { surprise: "a surprise", decision: "a decision", warned: "a warning", left: "a warning" };
const WORDS = { scenario: "scenario", manual: "by a person", wait: "wait", discuss: "talk" };
const NEWS = ["warned", "put_back"];
let board = null, figures = null, seen = 0, made = 0, aheadMs = 0;

// ---- what is shown

const put = (row, texts) => {
  for (const [name, text] of Object.entries(texts)) {
    const part = row.querySelector(`[data-is="${name}"]`);
    if (part.textContent !== text) part.textContent = text;
    part.hidden = text === "";
  }
};
/** One row of *list* for each of *values*: those that were there stay, with their focus and with what was typed in them. */
const rows = (list, values, key, template, fill) => {
  const old = new Map([...list.children].map((row) => [row.dataset.key, row]));
  for (const [i, value] of values.entries()) {
    const name = String(key(value, i));
    let row = old.get(name);
    if (!row) {
      row = $(template).content.firstElementChild.cloneNode(true);
      row.dataset.key = name;
      list.append(row);
      // Whoever goes from button to button hears which row each is of.
      const of = row.querySelector("[data-is=title], [data-is=name], [data-is=said], [data-is=text]");
      if (of) of.id = `row-${(made += 1)}`;
      if (of) for (const one of all("button, [data-text]", row)) one.setAttribute("aria-describedby", of.id);
    }
    old.delete(name);
    row.shows = value;
    fill(row, value);
  }
  for (const row of old.values()) row.remove();
  list.hidden = values.length === 0;
};
const text = (id, said) => { if ($(id).textContent !== said) $(id).textContent = said; };
const clock = (at) => (at ? new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "");
const who = (by, at) => (at ? `${by}, ${clock(at)}` : "");
const lasting = (s) => (s < 60 ? `${Math.round(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min ${Math.round(s) % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`);
const named = (number) => {
  const step = board && board.steps.find((one) => one.number === number);
  return number ? `step ${number}${step ? `, ${step.title}` : ""}` : "";
};
const can = (row, names) => {
  for (const button of all("[data-say]", row)) button.hidden = !names.includes(button.dataset.say);
  const typed = row.querySelector("[data-text]");
  if (typed) typed.hidden = !names.some((name) => ["done", "not_done", "refuse"].includes(name));
};

const showCheck = (row, check) => {
  const box = row.querySelector("input");
  box.checked = check.ok === true;
  box.disabled = !check.ticked || board.closed !== "";
  const told = check.ok ? "is so" : check.ok === false ? "is not so" : check.ticked ? "" : "the harness looks at it";
  row.dataset.tone = check.ok === null ? "" : check.ok ? "pass" : "fail";
  put(row, { said: check.said, word: told, who: who(check.by, check.at), told: check.told });
};
const showAsked = (row, asked) => {
  const word = asked.yes ? "agreed" : asked.yes === false ? "refused" : "has not said yet";
  row.dataset.tone = asked.yes === null ? "" : asked.yes ? "pass" : "fail";
  put(row, { name: asked.name, of: asked.of || "is asked whether the day may be held", word, who: who(asked.by, asked.at), why: asked.why });
  can(row, board.closed ? [] : asked.yes ? ["refuse"] : ["agree", "refuse"]);
};
const TONES = { held: "pass", done: "pass", failed: "fail", not_done: "fail", inconclusive: "inconclusive", invalid: "invalid", on: "on", called: "on" };
const showStep = (row, step) => {
  row.dataset.tone = TONES[step.state] || "stopped";
  if (step.state === "on") row.setAttribute("aria-current", "step");
  else row.removeAttribute("aria-current");
  const planned = step.planned_s === null ? "" : `, ${lasting(step.planned_s)} as planned`;
  put(row, {
    number: `${step.number}.`, title: step.title, word: step.word, about: step.about, told: step.told,
    when: step.ended ? `${clock(step.began)} to ${clock(step.ended)}` : clock(step.began),
    how: `${WORDS[step.kind]}${planned}; begins ${step.start}`, verify: step.verify, rollback: step.rollback,
  });
  for (const entry of all(".runbook>div", row)) entry.hidden = entry.lastElementChild.hidden;
  can(row, step.can);
  row.querySelector("[data-say=begin]").textContent = step.ended ? "Begin again" : "Begin";
  row.querySelector("[data-say=done]").textContent = step.kind === "manual" ? "Done" : "It is over";
};
const showMark = (row, { kind, said }) => {
  put(row, { kind: kind[0].toUpperCase() + kind.slice(1), who: said.map((one) => who(one.by, one.at)).join(" · ") });
  row.querySelector("button").disabled = !board.about || board.closed !== "";
};

const showBoard = (now) => {
  if (board && board.day && board.day !== now.day) return location.reload();
  const focused = document.activeElement;
  board = now;
  document.title = `${now.stopped ? "STOPPED · " : ""}${now.title}`;
  document.body.dataset.tone = now.where.tone;
  text("title", now.title);
  text("objective", now.objective);
  text("hypothesis", `Hypothesis: ${now.hypothesis}`);
  text("where", now.where.said);
  text("alarm", now.stopped && `${now.stopped}.`);
  if (!now.stopped) text("stop-done", "");
  text("left-said", now.left.length ? "NOT all is put back, and this may be in force still; it is tried again:" : "");
  rows($("left"), now.left.map((said, i) => ({ said, i })), (one) => one.i, "t-left", (row, one) => put(row, { said: one.said }));
  showFigures(figures);
  $("tabletop").hidden = !now.tabletop;
  rows($("people"), [...now.people, { role: "target", name: now.target }], (_, i) => i, "t-person", (row, one) => put(row, { role: one.role, name: one.name }));
  $("names").replaceChildren(...now.people.map((one) => Object.assign(document.createElement("option"), { value: one.name })));
  rows($("checks"), now.checks.map((one, i) => ({ ...one, i })), (one) => one.i, "t-check", showCheck);
  rows($("asked"), now.asked, (one) => one.name, "t-asked", showAsked);
  $("before").hidden = !now.checks.length && !now.asked.length;
  rows($("steps"), now.steps, (one) => one.number, "t-step", showStep);
  text("mark-of", now.about ? `About ${named(now.about)}` : "Nothing has begun yet.");
  const marks = KINDS.map((kind) => ({ kind, said: now.marks.filter((one) => one.kind === kind && one.step === now.about) }));
  rows($("marks"), marks, (one) => one.kind, "t-mark", showMark);
  rows($("items"), now.items.map((one, i) => ({ ...one, i })), (one) => one.i, "t-item", (row, one) => {
    row.querySelector("input").checked = one.done;
    put(row, { text: one.text, more: [one.owner && `owner ${one.owner}`, one.ticket, one.due && `again on ${one.due}`, `by ${one.by}`].filter(Boolean).join(" · ") });
  });
  $("over").hidden = now.closed !== "";
  for (const row of $("lines").children) nameStep(row);
  // What has gone with its button is not the end of the page: its row goes on from there.
  const row = focused && focused.isConnected && focused.closest("[hidden]") && focused.closest("li[tabindex]");
  if (row) row.focus();
};
const nameStep = (row) => put(row, { step: named(row.shows.step) });
const showLines = (came) => {
  const first = seen === 0;
  for (const line of came) {
    if (line.n <= seen) continue;
    if (!first && NEWS.includes(line.kind)) news(line.text);
    seen = line.n;
    const row = $("t-line").content.firstElementChild.cloneNode(true);
    row.shows = line;
    row.dataset.kind = line.kind;
    row.dataset.person = line.by === "harness" ? "no" : "yes";
    put(row, { at: clock(line.at), by: line.by, text: line.text, sort: SORTS[line.kind] || "" });
    row.querySelector("time").dateTime = line.at;
    nameStep(row);
    $("lines").prepend(row);
  }
};
const showFigures = (now) => {
  figures = now;
  const none = board && board.left.length ? "No run goes on." : "No run goes on, and no fault of this day is in force.";
  const faults = now && now.faults ? now.faults : [];
  const count = faults.length ? `${faults.length} fault${faults.length > 1 ? "s" : ""} in force` : "No fault is in force";
  text("faults-said", now && now.problem ? now.problem : now ? `${count}.` : none);
  $("faults-said").dataset.tone = faults.length ? "fault" : "";
  rows($("faults"), faults.map((one, i) => ({ ...one, i })), (one) => one.i, "t-fault", (row, one) => put(row, { said: one.said, seen: one.seen ? "seen in force" : "not seen yet" }));
  text("phase", now && now.shown ? `${named(now.step)}${now.phase && `: ${now.phase}, ${lasting(now.left_s)} left`}` : "");
  $("share").hidden = !now || now.share === undefined;
  if (!$("share").hidden) $("share").value = now.share;
  rows($("figures"), now && now.shown ? now.shown : [], ([label]) => label, "t-figure", (row, [label, value]) => put(row, { label, value }));
};

// ---- what is said

const tell = (near, said) => { near.textContent = said; };
/** Read out when there is a pause, also where it is what was said before. */
const news = (said) => { text("news", ""); setTimeout(text, 100, "news", said); };
const post = (event) => fetch("say", {
  method: "POST", keepalive: true, headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ ...event, by: kept() || "somebody at the page" }), signal: AbortSignal.timeout(ANSWER_MS),
});
const why = async (answer) => {
  const said = await answer.text();
  try { return JSON.parse(said).error; } catch { return said; }
};
/** Whether *event* was taken; what was wrong with it stands at *near*. */
const say = async (event, near) => {
  tell(near, "");
  if (!kept()) {
    tell(near, "Say who you are first: your name is asked at the top.");
    askName();
    return false;
  }
  try {
    const answer = await post(event);
    if (answer.ok) news("Written down.");
    else tell(near, await why(answer));
    return answer.ok;
  } catch {
    tell(near, "Nobody answered, so it may not have been written down; look below what happened, and say it again.");
    return false;
  }
};
let again = 0;
/** Stop asks nobody's name, and tries for a minute to get through. */
const stop = async (sinceMs = Date.now()) => {
  const near = $("stop-said");
  clearTimeout(again);
  try {
    const answer = await post({ type: "stopped" });
    tell(near, answer.ok ? "" : await why(answer));
    text("stop-done", answer.ok ? "Your stop got through." : "");
  } catch {
    const later = Date.now() - sinceMs < TRIES_MS;
    tell(near, `NOT stopped: nobody answers. ${later ? "It is tried again" : "Press it again"}; Ctrl-C in the terminal that leads the day stops it, too.`);
    if (later) again = setTimeout(stop, AGAIN_MS, sinceMs);
  }
};
const typed = (row) => row.querySelector("[data-text]").value.trim();
const over = (outcome) => (row) => ({ type: "over", step: row.shows.id, outcome, told: typed(row) });
const SAY = {
  begin: (row) => ({ type: "called", step: row.shows.id }),
  done: over("done"), not_done: over("not_done"), skip: over("skipped"),
  agree: (row) => ({ type: "agreed", of: row.shows.name }),
  refuse: (row) => ({ type: "agreed", of: row.shows.name, yes: false, why: typed(row) }),
  tick: (row) => ({ type: "looked", prerequisite: row.shows.i, ok: row.querySelector("input").checked }),
  finish: (row) => ({ type: "item", text: row.shows.said, done: row.querySelector("input").checked }),
  mark: (row) => ({ type: "marked", kind: row.shows.kind, text: $("mark-text").value.trim() }),
};
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-say]");
  if (!button) return;
  if (button.dataset.say === "stop") return stop();
  const row = button.closest("li");
  const near = row.querySelector(".refused") || row.closest("form").querySelector(".refused");
  const taken = await say(SAY[button.dataset.say](row), near);
  if (!taken && button.type === "checkbox") button.checked = !button.checked;
  if (!taken) return;
  for (const input of [row.querySelector("[data-text]"), button.dataset.say === "mark" && $("mark-text")]) if (input) input.value = "";
});
const FORMS = {
  note: (of) => ({ type: "noted", text: of.get("text").trim(), surprise: of.has("surprise"), decision: of.has("decision") }),
  item: (of) => ({ type: "item", text: of.get("text").trim(), owner: of.get("owner").trim(), ticket: of.get("ticket").trim(), due: of.get("due") }),
  close: (of) => ({ type: "closed", held: { yes: true, no: false }[of.get("held")] ?? null, told: of.get("told").trim() }),
};
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.id === "who") return keepName();
  if (form.id === "mark") tell(form.querySelector(".refused"), "Say which: press Detected, Acknowledged, Mitigated or Resolved.");
  if (FORMS[form.id] && (await say(FORMS[form.id](new FormData(form)), form.querySelector(".refused")))) form.reset();
});
$("note-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("note").requestSubmit();
});

// ---- who says it

let nameHere = "";  // where the browser keeps nothing
const kept = () => { try { return localStorage.getItem(KEPT) || nameHere; } catch { return nameHere; } };
const showName = (asked) => {
  $("who").hidden = !asked;
  $("known").hidden = asked;
  text("my-name", kept());
};
let before = null;  // where who was asked had been, and goes on
const askName = () => { before = document.activeElement; showName(true); $("me").value = kept(); $("me").focus(); };
const keepName = () => {
  nameHere = $("me").value.trim();
  try { localStorage.setItem(KEPT, nameHere); } catch { /* it is asked again after the page is loaded anew */ }
  showName(!kept());
  if (kept()) (before && before.isConnected && before.offsetParent ? before : $("another")).focus();
};
$("another").addEventListener("click", askName);
$("only").addEventListener("change", ({ target }) => $("lines").classList.toggle("people", target.checked));
showName(!kept());

// ---- the stream

let source = null, heardMs = Date.now();
const heard = (take) => ({ data }) => {
  heardMs = Date.now();
  take(JSON.parse(data));
  showAge();
};
const listen = () => {
  if (source) source.close();
  source = new EventSource(`stream?since=${seen}`);
  source.addEventListener("board", heard(showBoard));
  source.addEventListener("figures", heard(showFigures));
  source.addEventListener("lines", heard(showLines));
  source.addEventListener("beat", heard((now) => { aheadMs = new Date(now) - Date.now(); }));
  source.onerror = () => {
    if (board && board.closed) source.close();
    else if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS * 3);
    showAge();
  };
};
const showAge = () => {
  const connected = source && source.readyState === EventSource.OPEN;
  const over = !connected && board && board.closed;
  const lost = !connected && !over && Date.now() - heardMs > STALE_MS;
  document.body.classList.toggle("lost", lost);
  text("line", connected ? "connected" : over ? "the day is over, and this page is served no more" : lost ? `NOT connected: what you see is of ${clock(heardMs)}` : "connecting");
  const since = board && board.where.since;
  text("since", since ? `for ${lasting(Math.max(0, (Date.now() + aheadMs - new Date(since)) / 1000))} · ` : "");
};
setInterval(() => {
  showAge();
  if (!document.hidden && !(board && board.closed) && Date.now() - heardMs > SILENT_MS) { heardMs = Date.now() - STALE_MS - 1; listen(); }
}, AGAIN_MS);
// A browser holds six connections to a place: pages that nobody looks at leave them to the one whose stop button is pressed.
document.addEventListener("visibilitychange", () => { if (document.hidden) source.close(); else listen(); });
listen();
