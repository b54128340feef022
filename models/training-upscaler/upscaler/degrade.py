"""What happens to a frame before it is enlarged: blur, a quarter of the size, noise, a codec.

The codecs are Pillow's JPEG and WebP (which codes as VP8's key frames do).
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

SCALE = 4
FILTERS = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS,
           Image.Resampling.BILINEAR)


def coded(rng: np.random.Generator, small: Image.Image) -> Image.Image:
    """Through a codec and back."""
    data = io.BytesIO()
    if rng.random() < 0.5:
        small.save(data, "JPEG", quality=int(rng.integers(45, 96)),
                   subsampling=int(rng.choice([0, 2])))
    else:
        small.save(data, "WEBP", quality=int(rng.integers(45, 96)), method=0)
    return Image.open(data).convert("RGB")


def degrade(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, multiples of 4 → (H / 4, W / 4, 3) uint8."""
    picture = Image.fromarray(frame)
    if rng.random() < 0.8:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2.4)))
    size = (picture.width // SCALE, picture.height // SCALE)
    picture = picture.resize(size, FILTERS[rng.integers(len(FILTERS))])
    if rng.random() < 0.8:
        grain = rng.normal(0, rng.uniform(1, 8), (size[1], size[0], 3))
        if rng.random() < 0.5:
            grain = grain[..., :1]
        noisy = np.asarray(picture, np.float32) + grain
        picture = Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
    if rng.random() < 0.7:
        picture = coded(rng, picture)
    return np.asarray(picture)


def lanczos(small: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """What the model is compared with."""
    picture = Image.fromarray(small)
    size = (picture.width * scale, picture.height * scale)
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS))
