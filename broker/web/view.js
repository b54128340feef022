// What is on the page, made of what the broker says. Texts become text nodes and nothing else: a film
// may be called anything. Elements are made once and changed in place, so that focus, scrolling and
// what somebody has opened stay as they are.

/** An element with a class and children; strings become text. */
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setState(element, state) {
  if (element.dataset.state !== state) element.dataset.state = state;
}

const words = { leased: "running", queued: "waiting", ready: "waiting", blocked: "waiting" };
export const word = (state) => words[state] ?? state;

export function percent(part) {
  return `${Math.floor(100 * Math.min(Math.max(part, 0), 1))} %`;
}

export function duration(seconds) {
  const s = Math.round(seconds);
  const minutes = Math.round(s / 60);
  if (s < 60) return `${s} s`;
  if (minutes < 60) return `${minutes} min`;
  if (s < 172800) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(s / 86400)} days`;
}

const left = (seconds) => (seconds == null ? "" : `about ${duration(seconds)} left`);

/** Where a shot's or job's chunks stand, when the broker did not say it itself. */
export function progressOf(item, chunks) {
  if (typeof item.progress === "number") return item.progress;
  if (chunks?.length) return chunks.reduce((sum, chunk) => sum + (chunk.progress || 0), 0) / chunks.length;
  const counts = item.tasks ?? {};
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return all ? (counts.done ?? 0) / all : 0;
}

/** A picture is named by its content and the task that it is of; both are checked here, too. */
export function previewOf(chunk) {
  const good = /^[0-9a-f]{64}$/.test(chunk.preview ?? "") && /^t[1-9][0-9]*$/.test(chunk.task ?? "");
  return good ? `preview/${chunk.preview}.png?task=${chunk.task}` : null;
}

const latestPreview = (shot) => shot.chunks.map(previewOf).filter(Boolean).at(-1) ?? null;

/** The line under a shot: where it runs and how long, else what went wrong, else why it waits. What runs again
 * after a failure is on its way: the details have the error. */
function noteOf(shot) {
  const where = shot.chunks.find((chunk) => chunk.state === "leased" && chunk.node)?.node;
  const failed = shot.chunks.find((chunk) => chunk.error && chunk.state !== "done");
  if (failed && (shot.state === "failed" || (!where && !shot.wait))) return ["error", failed.error];
  const wait = shot.wait ?? shot.chunks.find((chunk) => chunk.wait)?.wait;
  if (wait && !where && shot.state !== "done") return ["wait", wait];
  return ["run", [where && `on ${where}`, left(shot.left_s)].filter(Boolean).join(", ")];
}

/** A shot in its job's strip: a button that opens the details. */
export class Tile {
  constructor(open) {
    this.element = make("button", "shot");
    this.element.type = "button";
    this.frame = make("span", "frame");
    this.name = make("b");
    this.state = make("span");
    this.bar = make("progress");
    this.note = make("span", "note");
    this.element.append(this.frame, this.bar, make("span", "head", this.name, this.state), this.note);
    this.bar.setAttribute("aria-hidden", "true");
    this.element.addEventListener("click", open);
  }

  #picture(source) {
    if (this.source === source) return;
    this.source = source;
    if (!source) {
      this.frame.replaceChildren("◌");
      return;
    }
    const image = make("img");
    image.alt = "";
    image.decoding = "async";
    image.addEventListener("error", () => this.frame.replaceChildren("◌"), { once: true });
    image.src = source;
    this.frame.replaceChildren(image);
  }

  update(shot) {
    const part = progressOf(shot, shot.chunks);
    const running = shot.state === "running";
    const [kind, note] = noteOf(shot);
    const state = running ? percent(part) : word(shot.state);
    if (this.source === undefined) this.source = "";
    this.#picture(latestPreview(shot));
    setState(this.element, shot.state);
    setText(this.name, shot.id);
    setText(this.state, state);
    setText(this.note, note);
    this.note.dataset.kind = kind;
    this.bar.value = part;
    this.element.setAttribute(
      "aria-label",
      [`Shot ${shot.id}`, word(shot.state), running && percent(part), note, "details"].filter(Boolean).join(", "),
    );
  }
}

/** A job: a line that opens to the strip of its shots. */
export class Card {
  constructor(id, actions) {
    this.tiles = new Map();
    this.name = make("span", "name");
    this.badge = make("span", "badge");
    this.bar = make("progress");
    this.facts = make("span", "facts");
    this.strip = make("div", "strip");
    this.more = make("button", "more", "Show more shots");
    this.more.type = "button";
    this.more.hidden = true;
    this.line = make("summary", "", this.name, this.badge, this.facts, this.bar);
    this.details = make("details", "", this.line, make("div", "inner", this.strip, this.more));
    this.element = make("li", "job", this.details);
    this.element.dataset.job = id;
    this.strip.setAttribute("role", "group");
    this.details.addEventListener("toggle", () => actions.toggled(this.details.open));
    this.more.addEventListener("click", actions.more);
    this.open = actions.open;
  }

  update(job) {
    const part = progressOf(job, null);
    const shots = job.shots;
    const facts = [
      job.id,
      shots && `${shots.done} of ${shots.total} shots`,
      job.state === "running" && percent(part),
      left(job.left_s),
      job.owner && `of ${job.owner}`,
      job.priority && `priority ${job.priority}`,
      job.created && new Date(job.created).toLocaleString(),
    ].filter(Boolean);
    setState(this.line, job.state);
    setText(this.name, job.project || job.id);
    setText(this.badge, word(job.state));
    this.bar.value = part;
    this.bar.setAttribute("aria-label", `Progress of ${job.project || job.id}`);
    this.strip.setAttribute("aria-label", `Shots of ${job.project || job.id}`);
    const waits = job.wait ? [make("span", "why", job.wait)] : [];
    const text = facts.join(" · ") + (job.wait ?? "");
    if (this.said !== text) this.facts.replaceChildren(...facts.map((fact) => make("span", "", fact)), ...waits);
    this.said = text;
  }

  /** The shots that are shown; `more`: there are others. */
  updateShots(shots, more) {
    const seen = new Set();
    shots.forEach((shot, i) => {
      let tile = this.tiles.get(shot.id);
      if (!tile) {
        tile = new Tile(() => this.open(shot.id));
        this.tiles.set(shot.id, tile);
      }
      tile.update(shot);
      seen.add(shot.id);
      if (this.strip.children[i] !== tile.element) this.strip.insertBefore(tile.element, this.strip.children[i] ?? null);
    });
    for (const [id, tile] of this.tiles)
      if (!seen.has(id)) {
        tile.element.remove();
        this.tiles.delete(id);
      }
    this.more.hidden = !more;
  }
}

function workerLine(worker) {
  const line = make("li", "", make("b", "", worker.device || `worker ${worker.id}`));
  line.dataset.state = worker.state;
  const part = typeof worker.progress === "number" && worker.task ? percent(worker.progress) : null;
  const what = worker.job ? [`${worker.job} ${worker.shot} chunk ${worker.chunk + 1}`, part] : [worker.task];
  const doing = worker.state === "busy" ? [...what, worker.model] : [worker.state, worker.model];
  line.append(make("span", "", doing.filter(Boolean).join(" · ")));
  return line;
}

/** The list of nodes; there are few enough to make them anew. */
export function showNodes(list, nodes) {
  const items = nodes.map((node) => {
    const badge = make("span", "badge", node.state);
    const workers = make("ul", "workers plain", ...(node.workers ?? []).map(workerLine));
    const heard = node.seen_s > 2 ? `heard of ${duration(node.seen_s)} ago` : "";
    const item = make("li", "node", make("span", "name", node.name), badge, make("span", "seen", heard), workers);
    item.dataset.state = node.state;
    item.dataset.node = node.name;
    return item;
  });
  list.replaceChildren(...items);
}

export function showCounts(list, status) {
  const n = (group, ...names) => names.reduce((sum, name) => sum + (group?.[name] ?? 0), 0);
  const failing = status.store?.state && status.store.state !== "ok";
  const rows = [
    ["jobs running", n(status.jobs, "running")],
    ["queued", n(status.jobs, "queued")],
    ["chunks waiting", n(status.tasks, "ready", "blocked")],
    ["chunks running", n(status.tasks, "leased")],
    ["nodes", n(status.nodes, "online"), status.tasks?.ready > 0 && !status.nodes?.online],
    ["workers busy", `${n(status.workers, "busy")} of ${n(status.workers, "busy", "idle")}`],
    ...(status.nodes?.lost ? [["lost", status.nodes.lost, true]] : []),
    ...(failing ? [["database", status.store.state, true]] : []),
  ];
  list.replaceChildren(
    ...rows.map(([name, value, alarm]) => {
      const row = make("div", "", make("dt", "", name), make("dd", "", String(value)));
      if (alarm) row.dataset.alarm = "";
      return row;
    }),
  );
}

/** One event as a sentence; null for mere progress. */
export function sentence(event) {
  if (event.type === "job") return `${event.project ?? event.job} (${event.job}): ${event.state}`;
  if (event.type === "node") return `node ${event.node}: ${event.state}`;
  if (event.type !== "task") return null;
  const where = event.node ? ` on ${event.node}` : "";
  const why = event.error ? `: ${event.error}` : "";
  return `${event.job} ${event.shot} chunk ${event.chunk + 1}: ${word(event.state)}${where}${why}`;
}

export function addEvent(list, text, state, most) {
  const time = make("time", "", new Date().toLocaleTimeString());
  const what = make("span", "", text);
  what.dataset.state = state;
  list.prepend(make("li", "", time, what));
  while (list.children.length > most) list.lastElementChild.remove();
}

/** The dialog's contents for a shot. */
export function showShot(page, job, shot) {
  const picture = latestPreview(shot);
  setText(page.title, `${job.project || job.id}: ${shot.id}`);
  setText(page.about, [word(shot.state), percent(progressOf(shot, shot.chunks)), noteOf(shot)[1]].filter(Boolean).join(" · "));
  page.picture.hidden = !picture;
  page.picture.alt = picture ? `The latest picture of ${shot.id}` : "";
  if (picture && page.picture.getAttribute("src") !== picture) page.picture.src = picture;
  page.rows.replaceChildren(
    ...shot.chunks.map((chunk) => {
      const steps = chunk.steps ? ` (step ${chunk.step ?? 0} of ${chunk.steps})` : "";
      const part = chunk.state === "leased" ? ` ${percent(chunk.progress ?? 0)}${steps}` : "";
      const time = [chunk.seconds != null && duration(chunk.seconds), left(chunk.left_s)].filter(Boolean).join(", ");
      const cells = [chunk.index + 1, word(chunk.state) + part, chunk.attempt,
        [chunk.node, chunk.device].filter(Boolean).join(" "), time, chunk.error ?? chunk.wait ?? ""];
      return make("tr", "", ...cells.map((cell) => make("td", "", String(cell))));
    }),
  );
}
