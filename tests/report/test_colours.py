"""The colours of the report: readable in both schemes."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import extune.report


def luminance(channels: list[float]) -> float:
    """WCAG 2 relative luminance of linear sRGB."""
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def of_hex(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return luminance([p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts])


def of_oklch(lightness: float, chroma: float, hue: float) -> float:
    """Björn Ottosson's OKLab to linear sRGB, clipped to the gamut."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = [
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    ]
    return luminance([min(max(channel, 0), 1) for channel in channels])


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def colours(scheme: int) -> Iterator[tuple[str, float, float, float]]:
    """(what, its luminance, that of its ground, the ratio WCAG AA asks for); scheme is 0 light, 1 dark."""
    folder = Path(extune.report.__file__).parent
    css = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "documents.css"))
    plain = {name: of_hex((a, b)[scheme]) for name, a, b in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", css)}
    for ground in ("ground", "card"):
        for name in ("ink", "muted", "accent", "correct", "missed", "spurious", "near"):
            yield f"{name} on {ground}", plain[name], plain[ground], 4.5
    pair = r"light-dark\(oklch\(([\d.]+) ([\d.]+) var\(--hue\)\), oklch\(([\d.]+) ([\d.]+) var\(--hue\)\)\)"
    by_hue = {
        name: tuple(map(float, values[2 * scheme : 2 * scheme + 2]))
        for name, *values in re.findall(rf"(--strong|--tint|\bcolor): {pair}", css)
    }
    for hue in map(float, re.findall(r"--hue: (\d+)", css)):
        yield f"ink on tint {hue}", plain["ink"], of_oklch(*by_hue["--tint"], hue), 4.5
        yield f"mark {hue} on card", of_oklch(*by_hue["color"], hue), plain["card"], 4.5
        yield f"line {hue} on card", of_oklch(*by_hue["--strong"], hue), plain["card"], 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme: int):
    checked = list(colours(scheme))
    assert len(checked) == 2 * 7 + 12 * 3
    poor = [(what, contrast(one, other)) for what, one, other, least in checked if contrast(one, other) < least]
    assert poor == []
