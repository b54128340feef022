// Asks the broker for a snapshot and follows its events: what an event says is shown at once, and what
// it does not say (reasons, time left, pictures) is asked for soon after.
import { Card, addEvent, sentence, showCounts, showNodes, showShot } from "./view.js";

const SHOWN = 40; // jobs at first, and how many more each time
const SHOTS = 48; // shots of a job at first
const SHOTS_MAX = 1000;
const OPEN_AT_FIRST = 4;
const EVENTS_KEPT = 200;
const REFRESH_MS = 5000;

const $ = (id) => document.getElementById(id);
const jobs = new Map(); // id → {summary, shots, more, limit, card, number}
const soon = new Map(); // what is about to be asked for
const logged = new Map(); // task → its last state in the log
let filter = "all";
let shown = SHOWN;
let place = 0; // sequence number of the last event
let epoch = null;
let source = null;
let dialog = null; // {job, shot} of the open one

const isActive = (job) => job.summary.state === "running" || job.summary.state === "queued";
const wanted = { all: () => true, active: isActive, ended: (job) => !isActive(job) };

async function get(page) {
  const answer = await fetch(page, { cache: "no-store", credentials: "omit" });
  if (!answer.ok && answer.status !== 404) throw new Error(`${answer.status}: ${(await answer.text()).trim()}`);
  return answer.json();
}

function tell(state, text) {
  $("link").dataset.state = state;
  if ($("link").textContent !== text) $("link").textContent = text;
}

function complain(error) {
  $("notice").hidden = !error;
  if (error) $("notice").textContent = `The broker did not answer: ${error.message}`;
}

/** Does something once within `ms`, however often it is asked for. */
function later(key, ms, what) {
  if (soon.has(key)) return;
  soon.set(key, setTimeout(async () => {
    soon.delete(key);
    try {
      await what();
      complain(null);
    } catch (error) {
      complain(error);
    }
  }, ms));
}

// ---- jobs ----------------------------------------------------------------------------------------

function arrange() {
  const list = [...jobs.values()].filter(wanted[filter]).sort((a, b) => b.number - a.number);
  const visible = list.slice(0, shown);
  const kept = new Set(visible.map((job) => job.card.element));
  for (const element of [...$("job-list").children]) if (!kept.has(element)) element.remove();
  visible.forEach((job, i) => {
    const at = $("job-list").children[i];
    if (at !== job.card.element) $("job-list").insertBefore(job.card.element, at ?? null);
  });
  $("older").hidden = list.length <= shown;
  $("no-jobs").hidden = visible.length > 0;
  $("no-jobs").textContent = jobs.size
    ? "There are no such jobs."
    : "There is no job yet. Send one with auteur submit FILM.json, or auteur render.";
}

function newJob(summary) {
  const job = { summary, shots: null, more: false, limit: SHOTS, number: Number(summary.id.slice(1)) };
  job.card = new Card(summary.id, {
    toggled: (open) => open && loadJob(job),
    more: () => {
      job.limit = Math.min(job.limit * 4, SHOTS_MAX);
      loadJob(job);
    },
    open: (shot) => openShot(job, shot),
  });
  jobs.set(summary.id, job);
  return job;
}

function putSummary(summary) {
  const job = jobs.get(summary.id) ?? newJob(summary);
  job.summary = { ...job.summary, ...summary };
  job.card.update(job.summary);
  return job;
}

function loadJob(job) {
  later(`job ${job.summary.id}`, 150, async () => {
    const answer = await get(`job.json?id=${job.summary.id}&limit=${job.limit}`);
    if (!answer.shots) return;
    const { shots, seq, next, ...summary } = answer;
    job.shots = shots;
    job.more = next !== undefined && job.limit < SHOTS_MAX;
    putSummary(summary);
    showShots(job);
  });
}

function showShots(job) {
  job.card.updateShots(job.shots, job.more);
  if (dialog?.job === job) updateDialog();
}

async function loadJobs(after) {
  for (;;) {
    const answer = await get(`jobs.json?after=${after}`);
    answer.jobs.forEach(putSummary);
    if (answer.next === undefined) break;
    after = answer.next;
  }
  arrange();
}

// ---- the rest ------------------------------------------------------------------------------------

async function loadNodes() {
  const answer = await get("nodes.json");
  const order = { online: 0, draining: 1, lost: 2 };
  answer.nodes.sort((a, b) => order[a.state] - order[b.state] || a.name.localeCompare(b.name));
  showNodes($("node-list"), answer.nodes);
  $("no-nodes").hidden = answer.nodes.length > 0;
}

async function loadStatus() {
  const status = await get("status.json");
  showCounts($("counts"), status);
  document.title = status.jobs.running ? `auteur · ${status.jobs.running} running` : "auteur";
  return status;
}

const parts = { title: $("shot-title"), about: $("shot-about"), picture: $("shot-picture"), rows: $("shot-chunks") };

function updateDialog() {
  const shot = dialog.job.shots.find((one) => one.id === dialog.shot);
  if (shot) showShot(parts, dialog.job.summary, shot);
}

function openShot(job, shot) {
  dialog = { job, shot };
  updateDialog();
  $("shot").showModal();
}

// ---- events --------------------------------------------------------------------------------------

function noteTask(event) {
  const state = `${event.state} ${event.attempt} ${event.failures}`;
  const news = logged.get(event.task) !== state;
  logged.delete(event.task);
  logged.set(event.task, state);
  if (logged.size > 5000) logged.delete(logged.keys().next().value);
  return news;
}

function onTask(event) {
  const job = jobs.get(event.job);
  const shot = job?.shots?.find((one) => one.id === event.shot);
  const chunk = shot?.chunks.find((one) => one.index === event.chunk);
  if (chunk) {
    const [done, all] = event.frames ? [event.frame, event.frames] : [event.step, event.steps];
    Object.assign(chunk, { state: event.state, attempt: event.attempt, node: event.node || chunk.node,
      step: event.step, steps: event.steps, error: event.error ?? null });
    if (event.state === "leased") {
      chunk.progress = all ? Math.min(done / all, 1) : 0;
      chunk.wait = shot.wait = null;
      if (shot.state === "queued") shot.state = "running";
    }
    if (shot.chunks.length === 1) shot.progress = chunk.progress;
  }
  if (!noteTask(event)) {
    if (chunk) showShots(job);
    return false;
  }
  if (job?.card.details.open) loadJob(job);
  later("nodes", 1000, loadNodes);
  return true;
}

function onJob(event) {
  const number = Number(event.job.slice(1));
  const job = jobs.get(event.job);
  if (!job) {
    later("jobs", 200, async () => {
      await loadJobs(number - 1);
      openSome();
    });
    return;
  }
  putSummary({ id: event.job, state: event.state, ...(event.shots && { shots: event.shots }) });
  if (job.card.details.open) loadJob(job);
  arrange();
}

function onEvent(message) {
  const event = JSON.parse(message.data);
  if (event.epoch !== epoch) {
    later("all", 0, start);
    return;
  }
  place = Math.max(place, event.seq ?? 0);
  let news = true;
  if (event.type === "task") news = onTask(event);
  else if (event.type === "job") onJob(event);
  else later("nodes", 200, loadNodes);
  const text = news && sentence(event);
  if (!text) return;
  $("no-events").hidden = true;
  addEvent($("event-list"), text, event.state, EVENTS_KEPT);
  later("status", 1000, loadStatus);
}

function follow() {
  source?.close();
  source = new EventSource(`events?after=${place}`);
  source.addEventListener("hello", (message) => {
    tell("live", "live");
    if (JSON.parse(message.data).epoch !== epoch) later("all", 0, start);
  });
  source.addEventListener("gone", () => later("all", 0, start));
  source.addEventListener("message", onEvent);
  source.addEventListener("error", () => {
    tell("lost", "not connected, trying again …");
    // A browser gives up when it is refused; the stream is then begun anew from where it was.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

// ---- beginning, and now and then -----------------------------------------------------------------

/** The jobs that matter now are open; what somebody closed stays closed. */
function openSome() {
  const list = [...jobs.values()].sort((a, b) => b.number - a.number);
  const active = list.filter(isActive);
  for (const job of (active.length ? active : list).slice(0, OPEN_AT_FIRST)) {
    if (job.offered) continue;
    job.offered = true;
    job.card.details.open = true;
  }
}

async function start() {
  try {
    const status = await loadStatus();
    place = status.seq;
    epoch = status.epoch;
    await Promise.all([loadJobs(0), loadNodes()]);
    openSome();
    for (const job of jobs.values()) if (job.card.details.open) loadJob(job);
    complain(null);
    follow();
  } catch (error) {
    complain(error);
    tell("lost", "not connected, trying again …");
    setTimeout(start, 3000);
  }
}

function refresh() {
  if (document.hidden) return;
  const active = [...jobs.values()].filter(isActive);
  later("status", 0, loadStatus);
  later("nodes", 0, loadNodes);
  if (active.length) later("jobs", 0, () => loadJobs(Math.min(...active.map((job) => job.number)) - 1));
  for (const job of active) if (job.card.details.open) loadJob(job);
}

for (const button of document.querySelectorAll("[data-filter]"))
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    shown = SHOWN;
    for (const other of document.querySelectorAll("[data-filter]"))
      other.setAttribute("aria-pressed", String(other === button));
    arrange();
  });
$("older").addEventListener("click", () => {
  shown += SHOWN;
  arrange();
});
$("shot-close").addEventListener("click", () => $("shot").close());
$("shot").addEventListener("close", () => (dialog = null));
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, REFRESH_MS);
start();
