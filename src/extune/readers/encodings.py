"""A guess at the encoding of bytes that are not UTF-8."""

import re

_CHINESE = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef\u2010-\u2027\xb7]")


def guessed(raw: bytes) -> str:
    """What they look like and the command that helps; empty where nothing can be said."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "looks like UTF-16: `iconv -f UTF-16 -t UTF-8 FILE`"
    try:
        foreign = "".join(char for char in raw.decode("gb18030") if char > "\x7f")
    except UnicodeDecodeError:
        return ""
    # In Latin-1 text, too, a letter with its neighbour may decode to a Chinese one, half of whose bytes are ASCII.
    doubled = sum(byte > 0x7F for byte in raw) > 1.6 * len(foreign)
    chinese = len(_CHINESE.findall(foreign)) > 0.9 * len(foreign) > 1
    return "looks like GBK/GB18030: `iconv -f GB18030 -t UTF-8 FILE`" if chinese and doubled else ""
