"""Trains auteur-mini: a small text-and-image-to-video model in the layout of Wan 2.2 TI2V 5B."""
