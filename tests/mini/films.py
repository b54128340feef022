"""Clips made as films are: shots of a storyboard through `auteur render`, their frames lossless.

The planner divides a shot into chunks and hands the tail on. A manifest whose tail is at most one
frame makes K = 1; with the tail dropped, every chunk but the first is a shot of its own, from text.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from engine import TIMEOUT, Engine, EngineError, read_clip, run_program, write_png
from mini.captions import plain_caption
from mini.render import render
from mini.scene import Scene

CHUNKS = 4
TAIL = 5    # what shots with a dropped tail would have had


class Film:
    """A storyboard in a folder of its own, its models, and what was rendered of it."""

    def __init__(self, engine: Engine, root: Path):
        self.engine, self.root, self._shots, self._output = engine, root, [], None
        self._models: set[str] = set()

    def model(self, tail: int) -> str:
        """The model under another name, with a manifest that takes `tail` frames; its id."""
        engine, name = self.engine, f"tail-{tail}"
        if name in self._models:
            return name
        folder = self.root / "models" / "video" / "models" / name
        shutil.copytree(engine.model, folder)
        config = json.loads((engine.model / "scheduler" / "scheduler_config.json").read_text())
        config["flow_shift"] = engine.flow_shift
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
        manifest = json.loads(json.dumps(engine.manifest))
        manifest["id"], manifest["files"] = name, []
        manifest["auteur"]["video"]["tail"] = {"min": 1, "max": tail}
        tier = {"steps": engine.steps, "guidance": engine.guidance}
        manifest["auteur"]["tiers"] = {"draft": tier}
        (folder / "model.json").write_text(json.dumps(manifest))
        self._models.add(name)
        return name

    def shot(self, name: str, prompt: str, frames: int, tail: int = TAIL,
             first: np.ndarray | None = None) -> None:
        """A shot of so many frames; `first` is the picture that it starts from."""
        shot = {"id": name, "model": self.model(tail), "prompt": prompt,
                "duration": frames / self.engine.video["fps"]}
        if first is not None:
            write_png(self.root / f"{name}.png", first)
            shot["init"] = {"image": f"{name}.png"}
        self._shots.append(shot)

    def render(self, jobs: int) -> None:
        width, height = self.engine.size
        board = self.root / "film.json"
        board.write_text(json.dumps({
            "storyboard": "1", "project": "evaluation", "output": {"burn_in": False},
            "defaults": {"tier": "draft", "width": width, "height": height,
                         "fps": self.engine.video["fps"], "seed": 1},
            "scenes": [{"id": "all", "shots": self._shots}]}))
        said = run_program([str(self.engine.bin / "auteur"), "render", str(board), "--models",
                            str(self.root / "models"), "--state", str(self.root / "state"),
                            "--outputs", str(self.root / "out"), "-o", str(self.root / "film.mp4"),
                            "--workers", str(jobs), "--json"], 4 * TIMEOUT)
        self._output = Path(json.loads(said)["output"])

    def frames(self, name: str, chunks: int = 1) -> np.ndarray:
        """A shot's own frames, which must have been made in so many chunks."""
        meta = json.loads((self._output / "metadata" / "shots" / f"{name}.json").read_text())
        if len(meta["chunks"]) != chunks:
            raise EngineError(f"{name} has {len(meta['chunks'])} chunks, and not {chunks}")
        return read_clip(self._output / "shots" / f"{name}.mkv", *self.engine.size)


def text_clips(engine: Engine, prompts: list[str], jobs: int) -> list[np.ndarray]:
    """A clip of each prompt, as shots of one film: without starting a program for each."""
    with tempfile.TemporaryDirectory(prefix="auteur-mini-") as folder:
        film = Film(engine, Path(folder))
        for i, prompt in enumerate(prompts):
            film.shot(f"s{i}", prompt, engine.video["frames"]["max"])
        film.render(jobs)
        return [film.frames(f"s{i}") for i in range(len(prompts))]


def handoff_shots(engine: Engine, scenes: list[Scene], jobs: int,
                  tails: tuple[int, ...]) -> dict[str, list[np.ndarray]]:
    """The frames of each scene's shot: for `tail 5`, `tail 1` and `dropped`.

    Every shot begins with the first frame of the true scene, so that where a thing is and which
    way it can go is the same for all. `tails` must have TAIL, whose first chunk `dropped` shares.
    """
    most = engine.video["frames"]["max"]
    with tempfile.TemporaryDirectory(prefix="auteur-mini-") as folder:
        film = Film(engine, Path(folder))
        for i, scene in enumerate(scenes):
            prompt, first = plain_caption(scene).text, render(scene, np.arange(1))[0]
            for tail in tails:
                film.shot(f"s{i}-tail{tail}", prompt, most + (CHUNKS - 1) * (most - tail), tail,
                          first)
            for chunk in range(1, CHUNKS):
                film.shot(f"s{i}-drop{chunk}", prompt, most)
        film.render(jobs)
        made = {f"tail {tail}": [film.frames(f"s{i}-tail{tail}", CHUNKS)
                                 for i in range(len(scenes))] for tail in tails}
        made["dropped"] = [
            np.concatenate([whole[:most], *(film.frames(f"s{i}-drop{chunk}")[TAIL:]
                                            for chunk in range(1, CHUNKS))])
            for i, whole in enumerate(made[f"tail {TAIL}"])]
    return made
