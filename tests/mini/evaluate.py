#!/usr/bin/env python3
"""What the shipped auteur-mini makes of captions it never saw, through the engine, read by a judge.

    make eval-mini
    tests/mini/evaluate.py --bin build/bin --json figures.json
    tests/mini/evaluate.py --markdown figures.json

Prints each figure beside its aim and beside what is required of it: what this model was once
measured to reach, less noise (pinned.json), or what must hold for any model. Exits 1 when something
required is missed, 2 when it cannot be measured. Needs numpy and the ffmpeg program.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "models" / "training")]

import report  # noqa: E402
from engine import Engine, EngineError, Sampling, quiet_environment  # noqa: E402
from films import CHUNKS, TAIL, handoff_shots, text_clips  # noqa: E402
from mini.captions import plain_caption  # noqa: E402
from mini.figures import (  # noqa: E402
    AIMS,
    Handoff,
    answers,
    by_question,
    drifting_scenes,
    held_out_scenes,
    hits,
    psnr_of,
)
from mini.judge import Verdict, judge  # noqa: E402
from mini.render import render  # noqa: E402
from mini.scene import FRAMES, Scene  # noqa: E402
from noise import RARE, Figure, chance, upper_quantile  # noqa: E402

T = TypeVar("T")
QUESTIONS = ("background", "color", "shape", "motion")
JUDGE_RIGHT = 0.98


@dataclass(frozen=True)
class Counts:
    """How many samples each part takes."""

    judged: int
    captions: int
    pictures: int
    shots: int
    tails: tuple[int, ...]
    as_film: bool  # captions as shots of a film, which starts fewer programs


FULL = Counts(300, 300, 48, 24, (TAIL, 1), False)
SHORT = Counts(60, 24, 2, 2, (TAIL,), True)


class Work:
    """Runs the engine for many samples, several processes side by side; says how far it is."""

    def __init__(self, engine: Engine, jobs: int):
        self.engine, self.jobs = engine, jobs
        self._pool = ThreadPoolExecutor(jobs)
        self._start = time.monotonic()

    def each(self, what: str, call: Callable[[int], T], count: int) -> list[T]:
        made = []
        for i, result in enumerate(self._pool.map(call, range(count))):
            made.append(result)
            if (i + 1) % 20 == 0 or i + 1 == count:
                self.say(f"{what}: {i + 1} of {count}")
        return made

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self._start:6.0f} s  {what}", file=sys.stderr, flush=True)

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def share(name: str, samples: list[bool], **more: Any) -> Figure:
    return Figure(name, "share", tuple(map(float, samples)), **more)


def judge_figures(count: int) -> list[Figure]:
    """The judge on true renders, which it must read right."""
    rows = [hits(judge(render(scene, np.arange(FRAMES))), scene)
            for scene in held_out_scenes(count, "judge")]
    table = by_question(rows)
    table["motion"] += table.get("rotation", [])
    return [share(f"judge {name}", table[name], aim=JUDGE_RIGHT, must=JUDGE_RIGHT)
            for name in QUESTIONS]


def text_figures(work: Work, count: int, as_film: bool) -> list[Figure]:
    """Held-out captions through the engine; the same clips against other captions."""
    scenes = held_out_scenes(count, "text")
    prompts = [plain_caption(scene).text for scene in scenes]
    if as_film:
        verdicts = [judge(clip) for clip in text_clips(work.engine, prompts, work.jobs)]
        work.say(f"captions: {count} shots")
    else:
        verdicts = work.each("captions",
                             lambda i: judge(work.engine.generate(prompts[i], i)), count)
    table = by_question([hits(v, s) for v, s in zip(verdicts, scenes, strict=True)])
    figures = [share(f"text {name}", table[name], aim=AIMS[name]) for name in (*QUESTIONS, "all")]
    if "rotation" in table:
        figures.append(share("text rotation", table["rotation"]))
    return figures + shuffled_figures(verdicts, scenes)


def shuffled_figures(verdicts: list[Verdict], scenes: list[Scene]) -> list[Figure]:
    """The same clips against the captions of others: at chance, or the judge knows too much."""
    figures, half = [], len(scenes) // 2
    others = scenes[half:] + scenes[:half]
    for name in QUESTIONS:
        seen = [getattr(v, name) for v in verdicts]
        wanted = [answers(s)[name] for s in others]
        most = upper_quantile(chance(seen, wanted), len(seen), RARE)
        agree = [a == b for a, b in zip(seen, wanted, strict=True)]
        figures.append(share(f"shuffled {name}", agree, at_least=False, must=most))
    return figures


def picture_figures(work: Work, count: int) -> list[Figure]:
    """Whether a given first frame is kept, and what follows it."""
    scenes = held_out_scenes(count, "first frame")

    def one(i: int) -> tuple[float, Verdict]:
        given = render(scenes[i], np.arange(1))[0]
        clip = work.engine.generate(plain_caption(scenes[i]).text, i, given)
        return psnr_of(clip[0], given), judge(clip)

    made = work.each("first frames", one, count)
    table = by_question([hits(v, s) for (_, v), s in zip(made, scenes, strict=True)])
    kept = Figure("picture first frame, dB", "mean", tuple(db for db, _ in made),
                  AIMS["first_frame_db"])
    return [kept, *(share(f"picture {name}", table[name]) for name in (*QUESTIONS, "all")
                    if name in table)]


def seed_figures(work: Work) -> list[Figure]:
    text = plain_caption(held_out_scenes(1, "seeds")[0]).text
    first, again, other = work.each("seeds", lambda i: work.engine.generate(text, (1, 1, 2)[i]), 3)
    return [share("seeds same, same frames", [np.array_equal(first, again)], must=1.0),
            share("seeds other, other frames", [not np.array_equal(first, other)], must=1.0)]


def handoff_figures(work: Work, counts: Counts) -> list[Figure]:
    """Shots of four chunks; with the tail dropped the figures must be bad."""
    scenes = drifting_scenes(counts.shots)
    shots = handoff_shots(work.engine, scenes, work.jobs, counts.tails)
    work.say(f"handoff: {len(scenes)} shots")
    figures = []
    for name, clips in shots.items():
        measured = Handoff()
        for clip, scene in zip(clips, scenes, strict=True):
            measured.add(clip, scene, 1 if name == "tail 1" else TAIL, CHUNKS)
        if name == "dropped":
            figures += dropped_figures(measured)
            continue
        figures += [
            Figure(f"{name} jump at a border", "median", tuple(measured.jumps), AIMS["jump"],
                   False),
            share(f"{name} direction kept", measured.kept, aim=AIMS["direction_kept"]),
            Figure(f"{name} colour drift", "median", tuple(measured.drift), AIMS["color_drift"],
                   False),
            share(f"{name} thing lost", measured.lost, at_least=False)]
    return figures


def dropped_figures(measured: Handoff) -> list[Figure]:
    """Without a tail a thing must leap at borders by more than is allowed with one."""
    leap = Figure("dropped jump at a border", "median", tuple(measured.jumps),
                  must=float(np.nextafter(AIMS["jump"], np.inf)))
    return [leap, share("dropped direction kept", measured.kept)]


PARTS: dict[str, Callable[[Work, Counts], list[Figure]]] = {
    "judge": lambda _, counts: judge_figures(counts.judged),
    "text": lambda work, counts: text_figures(work, counts.captions, counts.as_film),
    "picture": lambda work, counts: picture_figures(work, counts.pictures),
    "handoff": handoff_figures,
    "seeds": lambda work, _: seed_figures(work)}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--bin", type=Path, default=ROOT / "build" / "bin", help="folder of the programs")
    add("--model", type=Path, default=ROOT / "models/video/models/auteur-mini")
    add("--jobs", type=int, default=2, help="processes side by side (2)")
    add("--short", action="store_true", help="few samples; what is required is loosened by noise")
    add("--only", choices=tuple(PARTS), help="this part alone, to try something")
    add("--captions", type=int, help="how many captions, instead of 300 (short: 24)")
    add("--pictures", type=int, help="how many first frames")
    add("--shots", type=int, help="how many shots of four chunks")
    add("--tier", default="draft", help="whose steps and guidance are used (draft)")
    add("--steps", type=int, help="instead of the tier's")
    add("--guidance", type=float, help="instead of the tier's")
    add("--flow-shift", type=float, help="instead of the scheduler's")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    add("--pinned", type=Path, default=HERE / "pinned.json", help="what is required")
    add("--pin", action="store_true", help="write the figures reached, less noise, to --pinned")
    add("--markdown", type=Path, metavar="FILE", help="only print a --json file as a table")
    args = parser.parse_args()
    if args.pin and (args.only or args.short):
        parser.error("--pin takes all of the long form")
    return args


def counts_of(args: argparse.Namespace) -> Counts:
    counts = asdict(SHORT if args.short else FULL)
    for name in ("captions", "pictures", "shots"):
        if getattr(args, name):
            counts[name] = getattr(args, name)
    return Counts(**counts)


def evaluate(args: argparse.Namespace) -> int:
    engine = Engine.open(args.bin, args.model, Sampling(args.tier, args.steps, args.guidance,
                                                       args.flow_shift))
    if engine.video["frames"]["max"] != FRAMES:
        raise EngineError(f"{args.model}: the judge's clips have {FRAMES} frames")
    work = Work(engine, max(args.jobs, 1))
    try:
        parts = [args.only] if args.only else list(PARTS)
        figures = [figure for part in parts for figure in PARTS[part](work, counts_of(args))]
    finally:
        work.stop()
    how = {"model": engine.manifest["id"], "version": engine.manifest["version"],
           "steps": engine.steps, "guidance": engine.guidance, "flow_shift": engine.flow_shift}
    if args.pin:
        report.save_pins(args.pinned, figures, how)
    pinned = json.loads(args.pinned.read_text())["figures"] if args.pinned.exists() else {}
    table = report.rows(figures, pinned)
    print(f"{how['model']} {how['version']}: {how['steps']} steps, guidance {how['guidance']:g}, "
          f"flow shift {how['flow_shift']:g}\n{report.text(table)}")
    if args.json:
        report.save(args.json, table, how)
    missed = [row.figure.name for row in table if row.missed]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return int(bool(missed))


def main() -> int:
    args = options()
    if args.markdown:
        print(report.markdown(json.loads(args.markdown.read_text())))
        return 0
    try:
        with quiet_environment():
            return evaluate(args)
    except (EngineError, OSError, KeyError, ValueError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
