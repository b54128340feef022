#!/usr/bin/env python3
"""The demo's music, from nothing: four bars of plucked strings over held chords, made to be looped.

    python3 music.py | ffmpeg -y -f s16le -ar 48000 -ac 2 -i - -c:a libvorbis -q:a 2 music.ogg

Strings are those of K. Karplus and A. Strong, "Digital Synthesis of Plucked-String and Drum Timbres"
(Computer Music Journal 7:2, 1983): noise in a loop that is a period long, averaged as it goes round.
"""

import math
import random
import struct
import sys

RATE, BEAT, BARS = 48000, 0.5, 4
LENGTH = int(RATE * BEAT * 4 * BARS)
CHORDS = ((48, 55, 64), (45, 52, 60), (41, 48, 57), (43, 50, 59))  # C, A minor, F, G: MIDI notes
TUNE = ((76, 79, 84, 83), (81, 76, 72, 76), (77, 81, 84, 81), (79, 83, 86, 83))


def hertz(note: int) -> float:
    return 440 * 2 ** ((note - 69) / 12)


def pluck(note: int, seconds: float, rng: random.Random) -> list[float]:
    period = round(RATE / hertz(note))
    loop, out = [rng.uniform(-1, 1) for _ in range(period)], []
    for i in range(int(seconds * RATE)):
        at = i % period
        out.append(loop[at])
        loop[at] = 0.498 * (loop[at] + loop[(at + 1) % period])
    return out


def main() -> None:
    rng, left, right = random.Random(1), [0.0] * LENGTH, [0.0] * LENGTH

    def add(samples: list[float], start: float, level: float, side: float) -> None:
        first = int(start * RATE)
        for i, value in enumerate(samples):  # what rings on past the end begins the loop
            left[(first + i) % LENGTH] += level * (1 - side) * value
            right[(first + i) % LENGTH] += level * (1 + side) * value

    for bar, (chord, tune) in enumerate(zip(CHORDS, TUNE, strict=True)):
        start = 4 * BEAT * bar
        for k, note in enumerate(chord):
            wave, seconds = 2 * math.pi * hertz(note) / RATE, 4 * BEAT
            add([math.sin(wave * i) * math.sin(math.pi * i / (seconds * RATE)) for i in
                 range(int(seconds * RATE))], start, 0.06, 0.4 * (k - 1))
        for beat, note in enumerate(tune):
            add(pluck(note, 1.2, rng), start + beat * BEAT, 0.22, 0.3 * (-1) ** beat)
            add(pluck(note - 12, 0.8, rng), start + (beat + 0.5) * BEAT, 0.10, -0.3 * (-1) ** beat)
    out = sys.stdout.buffer
    for pair in zip(left, right, strict=True):
        out.write(struct.pack("<2h", *(int(32767 * max(-1, min(1, 0.6 * v))) for v in pair)))


if __name__ == "__main__":
    main()
