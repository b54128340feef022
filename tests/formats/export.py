#!/usr/bin/env python3
"""What `auteur export` writes, read by OpenTimelineIO.

    export.py BIN

Renders small films with every transition at several rates, exports each in every form, and compares
what OpenTimelineIO reads with the plan: names, ranges, transitions, lengths, media.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

BIN = Path()
PROMPT = 'a door & a "window" <ajar>\nand light'
KINDS = (None, {"type": "dissolve", "duration": 0.25}, {"type": "wipe", "duration": 0.3, "direction": "left"},
         {"type": "cut"}, {"type": "fade", "duration": 0.5})


def storyboard(fps: float) -> dict[str, Any]:
    shots = [{"id": f"s{i}.a_{i}", "prompt": f"{i}: {PROMPT}", "duration": 1 + i / 10, "seed": i} for i in
             range(len(KINDS))]
    for shot, kind in zip(shots, KINDS, strict=True):
        if kind:
            shot["transition"] = kind
    return {"storyboard": "1", "project": "export", "title": "Ends & <odds>",
            "defaults": {"tier": "animatic", "width": 96, "height": 64, "fps": fps},
            "output": {"burn_in": False},
            "scenes": [{"id": "one", "slugline": "INT. HALL", "shots": shots[:2]},
                       {"id": "two", "shots": shots[2:]}]}


def run(*args: str | Path) -> str:
    return subprocess.run([BIN / "auteur", *args], check=True, capture_output=True, text=True,
                          timeout=300).stdout


class Film:
    """A film that was rendered, its plan, and its exports."""

    def __init__(self, fps: float):
        self.folder = tempfile.TemporaryDirectory(prefix="auteur-export-")
        root = Path(self.folder.name)
        board = root / "film.json"
        board.write_text(json.dumps(storyboard(fps)))
        self.state = root / "state"
        self.plan = json.loads(run("plan", board, "--json"))
        told = json.loads(run("render", board, "--json", "--state", self.state, "--outputs", root / "out"))
        self.job, self.output = told["job"], Path(told["output"])
        self.rate = Fraction(*self.plan["rate"])
        self.overlaps = [s["transition"]["frames"] for s in self.plan["shots"]]

    def export(self, form: str) -> Path:
        path = self.output / f"film.{form}"
        run("export", self.job, "--to", form, "-o", path, "--state", self.state)
        return path

    def expected(self) -> list[tuple[str, int, int]]:
        """Name, first frame and length of each clip, cut in the middle of each overlap."""
        ends = [*self.overlaps[1:], 0]
        return [(s["id"], into // 2, s["frames"] - into // 2 - (out - out // 2))
                for s, into, out in zip(self.plan["shots"], self.overlaps, ends, strict=True)]


class Exports(unittest.TestCase):
    films: dict[float, Film] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.films = {fps: Film(fps) for fps in (24, 23.976, 29.97)}

    @classmethod
    def tearDownClass(cls) -> None:
        for film in cls.films.values():
            film.folder.cleanup()

    def clips_of(self, track: otio.schema.Track) -> list[tuple[str, int, int]]:
        return [(c.name, int(c.source_range.start_time.value), int(c.source_range.duration.value))
                for c in track.find_clips()]

    def transitions_of(self, track: otio.schema.Track) -> list[tuple[int, int]]:
        return [(int(t.in_offset.value), int(t.out_offset.value)) for t in track
                if isinstance(t, otio.schema.Transition)]

    def test_otio(self):
        for film in self.films.values():
            timeline = otio.adapters.read_from_file(str(film.export("otio")))
            self.assertEqual(timeline.name, "Ends & <odds>")
            track = timeline.video_tracks()[0]
            self.assertEqual(self.clips_of(track), film.expected())
            wanted = [(n // 2, n - n // 2) for n in film.overlaps[1:] if n]
            self.assertEqual(self.transitions_of(track), wanted)
            self.assertEqual(track.duration(), otio.opentime.RationalTime(film.plan["frames"],
                                                                          float(film.rate)))
            for clip, shot in zip(track.find_clips(), film.plan["shots"], strict=True):
                media = clip.media_reference
                self.assertTrue((film.output / media.target_url).is_file())
                self.assertEqual(media.available_range.duration.value, shot["frames"])
                self.assertEqual(clip.metadata["auteur"]["prompt"], shot["prompt"])
                self.assertEqual(clip.metadata["auteur"]["seed"], shot["seed"])
                self.assertEqual([m.name for m in clip.markers], [shot["id"]])

    def test_otio_survives_a_round_trip(self):
        for film in self.films.values():
            text = film.export("otio").read_text()
            timeline = otio.adapters.read_from_string(text, "otio_json")
            again = otio.adapters.read_from_string(otio.adapters.write_to_string(timeline, "otio_json"),
                                                   "otio_json")
            self.assertTrue(timeline.is_equivalent_to(again))

    def test_edl(self):
        """Transitions start at their event's first frame there; 23.976 the reader does not know."""
        for fps in (24, 29.97):
            film = self.films[fps]
            text = film.export("edl").read_text()
            self.assertTrue(text.startswith("TITLE: Ends & <odds>\n"))
            self.assertIn("FCM: DROP FRAME" if fps == 29.97 else "FCM: NON-DROP FRAME", text)
            read = otio.adapters.read_from_string(text, "cmx_3600", rate=float(film.rate))
            track = read.video_tracks()[0]
            self.assertEqual([c[0] for c in self.clips_of(track)], [s["id"] for s in film.plan["shots"]])
            self.assertEqual([a + b for a, b in self.transitions_of(track)],
                             [n for n in film.overlaps[1:] if n])
            starts = [s["start_frame"] for s in film.plan["shots"]] + [film.plan["frames"]]
            self.assertEqual([c[2] for c in self.clips_of(track)],
                             [b - a for a, b in zip(starts, starts[1:])])

    def test_fcpxml(self):
        for film in self.films.values():
            path = film.export("fcpxml")
            root = ET.parse(path).getroot()
            self.assertEqual((root.tag, root.get("version")), ("fcpxml", "1.10"))
            self.assertEqual(self.frames(film, root.find(".//sequence").get("duration")),
                             film.plan["frames"])
            spine, at = root.find(".//spine"), 0
            clips = spine.findall("asset-clip")
            self.assertEqual([(c.get("name"), self.frames(film, c.get("start")),
                               self.frames(film, c.get("duration"))) for c in clips], film.expected())
            for clip in clips:
                self.assertEqual(self.frames(film, clip.get("offset")), at)
                at += self.frames(film, clip.get("duration"))
            cuts = [self.frames(film, c.get("offset")) for c in clips]
            wanted = [(cut - n // 2, n) for cut, n in zip(cuts, film.overlaps, strict=True) if n]
            self.assertEqual([(self.frames(film, t.get("offset")), self.frames(film, t.get("duration")))
                              for t in spine.findall("transition")], wanted)
            for asset in root.findall(".//asset"):
                self.assertTrue((film.output / asset.find("media-rep").get("src")).is_file())

    def test_fcpxml_is_read(self):
        film = self.films[24]
        read = otio.adapters.read_from_file(str(film.export("fcpxml")), "fcpx_xml")
        timeline = next(t for t in read if isinstance(t, otio.schema.Timeline))
        self.assertEqual(self.clips_of(timeline.tracks[0]), film.expected())

    def frames(self, film: Film, seconds: str) -> int:
        count = Fraction(seconds.removesuffix("s")) * film.rate
        self.assertEqual(count.denominator, 1)
        return int(count)

    def test_an_unknown_form_is_refused(self):
        done = subprocess.run([BIN / "auteur", "export", "j1", "--to", "otoi"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean otio", done.stderr)

    def test_an_unknown_job_is_refused(self):
        state = self.films[24].state
        done = subprocess.run([BIN / "auteur", "export", "j999", "--to", "edl", "--state", state],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("j999", done.stderr)


if __name__ == "__main__":
    BIN = Path(sys.argv.pop(1))
    unittest.main()
