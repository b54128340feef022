"""The tokenizer: a SentencePiece Unigram model with UMT5's special ids, in a T5 tokenizer's layout.

SentencePiece takes its first pieces from what occurs in two different words. So that whole words
are among them, the corpus has each word bare and before a comma, a stop, and other endings.
"""

from __future__ import annotations

import io
import json
import random
from functools import lru_cache
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from .captions import caption, vocabulary
from .scene import sample_clip

SPECIAL = {"pad_token": "<pad>", "eos_token": "</s>", "bos_token": "<s>", "unk_token": "<unk>"}
EOS = 1
MAX_PIECES = 512
# Words of storyboards that the model does not know: they give pieces for everything else.
COMMON = """
about after again air alone along animal around away back be beach beautiful behind below between
bird boat book bridge bright building by car child city close cold comes cuts dark day dog door
dream empty end evening eyes face fade far field film final fire first fish flower forest frame
friend from girl gold gray grey ground hand happy he head heart her here high hill his home horse
house in inside into it its kitchen lake lamp last leaf light line little long look love man map
market mist moment moon morning mountain mouth moves music near new next night no north not object
of old one open other out outside over owl palm paper past path people person pink place planet
rain ring river road robot rock room round runs sand sad scene second see shadow she ship shore
shot side silver sitting sleep small smoke snow soft some song space spring stone storm story
street summer sun sunset table tall that their then they thing this three through time to tower
town train travels tree turn two under up village walk wall warm was water wave we west when white
wide wind window wings winter with woman wood work world year you young
""".split()


def corpus(captions: int = 12000) -> list[str]:
    """Captions, each word of the grammar on its own, and single characters."""
    rng = random.Random("corpus")
    lines = [caption(sample_clip(rng, 0.4, 0.0).scene, rng).text for _ in range(captions)]
    known = vocabulary()
    for word in [*known, *COMMON]:
        often = 60 if word in known else 6
        for form in (word, word.capitalize()):
            lines += [f"{form} {form}, {form}. {form}; {form}! {form}?"] * often
    lines += [chr(c) for c in range(33, 127) for _ in range(3)]
    return lines


def train(pieces: int = 1200) -> bytes:
    """The model file's bytes."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="unigram",
        vocab_size=pieces, hard_vocab_limit=False, character_coverage=1.0,
        normalization_rule_name="nmt_nfkc", byte_fallback=False, num_threads=1, pad_id=0,
        eos_id=EOS, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="</s>", bos_piece="<s>",
        unk_piece="<unk>", minloglevel=2)
    return model.getvalue()


class Encoder:
    """Texts to ids, as the pipelines' tokenizers make them (cleaning aside)."""

    def __init__(self, model: bytes):
        self.pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.ids = lru_cache(maxsize=65536)(self._ids)

    def _ids(self, text: str) -> tuple[int, ...]:
        return (*self.pieces.encode(text)[:MAX_PIECES - 1], EOS)

    def __len__(self) -> int:
        return self.pieces.get_piece_size()


def _fast(model: bytes) -> Tokenizer:
    """The same in the form of the `tokenizers` library."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces],
                                         unk_id=proto.trainer_spec.unk_id, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace("\u2581", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", "</s>"], pair=["$A", "</s>", "$B", "</s>"], special_tokens=[("</s>", EOS)])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True)
                                  for token in SPECIAL.values()])
    return tokenizer


def save(model: bytes, folder: Path) -> None:
    """The files of a Wan folder's tokenizer/."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spiece.model").write_bytes(model)
    tokenizer = _fast(model)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
             "special": True}
    added = {tokenizer.token_to_id(token): token for token in SPECIAL.values()}
    config = {**SPECIAL, "tokenizer_class": "T5Tokenizer", "model_max_length": MAX_PIECES,
              "extra_ids": 0, "additional_special_tokens": [], "sp_model_kwargs": {},
              "clean_up_tokenization_spaces": True,
              "added_tokens_decoder": {str(i): {"content": added[i], **flags}
                                       for i in sorted(added)}}
    for name, value in (("special_tokens_map", SPECIAL), ("tokenizer_config", config)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def split_words(model: bytes) -> list[str]:
    """The grammar's words that are not one piece."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [word for word in vocabulary() if len(pieces.encode(word)) > 1]
