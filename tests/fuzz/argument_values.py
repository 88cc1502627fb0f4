"""Values for options of the command line: of the right kind as well as of the wrong one."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(" "))


TEXTS = (
    *_words("x - -- -1 --x \0 a\0b \x1b[31mred \udcff\udcfe \u202e ünï %s $HOME ~ * nan inf None [] {} ="),
    *("", " ", "a\nb", "x" * 5000, "é" * 300, "a=b", "a=b=c"),
)
NUMBERS = (
    *_words("0 -1 1 2 1.5 1e9 1e400 0x10 1_000 +1 ٣ ３２ ² nan inf -0 1000000000 2147483648"),
    *("9223372036854775808", "-9223372036854775809", " 1", "1 ", "9" * 5000),
)
SIZES = (
    *_words("64x96 0x0 32x32 64X96 ３２x３２ ٣٢x٣٢ 99999x99999 32 x -64x96 64x96x3 2048x2048 1e2x1e2 31x31"),
    *_words("99999,99999 32,32 64,0 3,3 1,1,9,9 nan,nan 1e400,1 -5,20 ٣,٣ , 1, 1,2,3 inf,0,1,1 64x-96"),
    *("64 x 96", "9" * 400 + "x2", "9" * 4000 + ",1"),
)
NAMES = (
    *_words("rapsam_nano rapsam_nan nano-synth nano-synht RAPSAM_NANO onnx fp32 fp16 pixel-8 coco_panoptic"),
    *_words("youtube_vis_2019 vipseg val train synth panoptic prompt video cpu tracks instances prompts"),
    *("../x", "ONNX Runtime", "formula", "auto", "video-panoptic"),
)
SETTINGS = (
    *_words(
        "data.batch_size=1000000000 optimiser.lr=nan optimiser.lr=-1 epochs=0 epochs=99999999999999999999"
    ),
    *_words("data=1 data.x.y=1 model=\x1b[31m name=../../x = a data. data.sources=[] data.height=-32 x=1"),
    *_words("keep=-1 optimiser.lr=' model=\" data.workers=100000 epochs=1e400 save_every=0 ema_decay=2"),
    *("data.height=33", "epochs=true", "a=" + "[" * 5000, "epochs=" + "9" * 5000, "data.height=" + "9" * 40),
)
