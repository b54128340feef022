#!/usr/bin/env python3
"""Print vision_cases.h: what Pillow, diffusers and transformers make of generated images.

    python make_vision_cases.py > vision_cases.h

with the packages of goldens/requirements.txt and without torchvision, which transformers
would use in place of Pillow.
"""

import hashlib
import json

import numpy as np
from diffusers.video_processor import VideoProcessor
from PIL import Image
from transformers import CLIPImageProcessor

# w0, h0, w, h: one-pixel sides, one axis kept, both orders of the passes and the sizes at which
# the order changes, and sizes as pipelines have them.
SIZES = [
    (1, 1, 1, 1), (1, 1, 7, 5), (9, 5, 1, 1), (1, 40, 1, 9), (40, 1, 9, 1), (1, 33, 20, 3),
    (2, 2, 64, 64), (3, 2, 50, 31), (17, 13, 17, 13), (17, 13, 17, 40), (17, 13, 40, 13),
    (64, 48, 64, 7), (64, 48, 7, 48), (64, 48, 32, 24), (64, 48, 33, 25), (64, 48, 63, 47),
    (48, 64, 65, 63), (48, 64, 96, 128), (100, 100, 90, 81), (100, 100, 90, 80),
    (100, 100, 90, 79), (40, 160, 39, 158), (40, 160, 39, 157), (50, 200, 25, 12),
    (200, 50, 12, 25), (31, 97, 64, 9), (97, 31, 9, 64), (301, 5, 3, 88), (5, 301, 88, 3),
    (320, 180, 208, 120), (180, 320, 120, 208), (256, 144, 56, 56), (211, 307, 80, 112),
]

CONFIGS = [
    ({}, 320, 180), ({}, 100, 300), ({"size": {"shortest_edge": 56}, "crop_size": 56}, 97, 61),
    ({"size": 30, "crop_size": {"height": 41, "width": 20}, "resample": 2}, 33, 57),
    ({"size": 31, "crop_size": [40, 52], "resample": 1}, 90, 50),
    ({"size": 31, "crop_size": [40, 36], "resample": 1}, 50, 90),
    ({"size": 24, "default_to_square": True, "crop_size": 23}, 77, 30),
    ({"size": {"height": 20, "width": 33}, "do_center_crop": False}, 41, 19),
    ({"size": [20, 33], "do_center_crop": False, "do_normalize": False}, 41, 19),
    ({"do_resize": False, "crop_size": 25}, 24, 27),
    ({"do_resize": False, "crop_size": 25, "do_rescale": False, "do_normalize": False}, 26, 21),
    ({"do_resize": False, "do_center_crop": False, "do_rescale": False,
      "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]}, 13, 9),
    ({"size": 20, "crop_size": 20, "rescale_factor": 0.00784313725490196,
      "image_mean": [1.0, 1, 1.0], "image_std": 1}, 25, 25),
    ({"size": 40, "crop_size": 40, "image_mean": 0.5, "image_std": [0.25, 0.5, 0.75],
      "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "extra": None}, 3, 5),
]


def picture(w, h):
    """The picture of vision_picture in test_resample.c."""
    state, data = w * 65536 + h, bytearray()
    for _ in range(w * h * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        data.append(state >> 24)
    return Image.frombytes("RGB", (w, h), bytes(data))


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def floats(array):
    return sha(np.asarray(array).astype("<f4"))


def lines(text, width=80):
    return [text[i:i + width] for i in range(0, len(text), width)]


def open_table(name, *fields):
    print("static const struct {")
    for field in fields:
        print(f"    {field};")
    print(f"}} {name}[] = {{")


def main():
    print("/*  Made by make_vision_cases.py with Pillow", Image.__version__ + ": do not edit. */")
    print("/* clang-format off */")
    open_table("resample_cases", "uint32_t w0, h0, w, h", "int filter", "const char *hash")
    for i, (w0, h0, w, h) in enumerate(SIZES):
        for name, number in (("LANCZOS", 1), ("BILINEAR", 2), ("BICUBIC", 3)):
            if number == 1 or i % 2 == number % 2:
                image = picture(w0, h0).resize((w, h), number)
                print(f"    {{{w0}, {h0}, {w}, {h}, AUT_RESAMPLE_{name},")
                print(f'     "{sha(np.array(image))}"}},')
    print("};\n")
    open_table("vae_cases", "uint32_t w0, h0, w, h", "const char *hash")
    for w0, h0, w, h in ((48, 32, 48, 32), (60, 90, 32, 48), (1, 1, 16, 8), (320, 180, 208, 120)):
        pixels = VideoProcessor(vae_scale_factor=8).preprocess(picture(w0, h0), height=h, width=w)
        print(f'    {{{w0}, {h0}, {w}, {h},\n     "{floats(pixels[0])}"}},')
    print("};\n")
    open_table("clip_cases", "const char *config", "uint32_t w0, h0, w, h", "const char *hash")
    for config, w0, h0 in CONFIGS:
        processor = CLIPImageProcessor.from_dict(dict(config))
        pixels = processor(images=picture(w0, h0), return_tensors="np").pixel_values[0]
        text = "\n     ".join(json.dumps(line) for line in lines(json.dumps(config)))
        print(f"    {{{text},\n     {w0}, {h0}, {pixels.shape[2]}, {pixels.shape[1]},")
        print(f'     "{floats(pixels)}"}},')
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
