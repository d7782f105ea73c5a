"""The terminal view as an SVG, for the README: `python -m fleet.views.picture > docs/terminal.svg`.

Owns: the picture's frame. Must not know: a running fleet; it shows the sample.
"""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from fleet.views.sample import sample_state
from fleet.views.terminal import render

WIDTH, HEIGHT = 120, 28

THEME = TerminalTheme(
    background=(13, 17, 23),
    foreground=(214, 220, 228),
    normal=[
        (48, 54, 61), (248, 113, 105), (86, 196, 112), (222, 172, 66),
        (96, 165, 250), (188, 140, 255), (86, 200, 216), (214, 220, 228),
    ],
)  # fmt: skip

# rich's own frame loads a font from elsewhere, which a picture on a page may not do.
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-title {{ font-family: sans-serif; font-size: 16px; }}
.{unique_id}-matrix {{ font-family: "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""  # noqa: E501  a line of SVG is as long as it is


def picture() -> str:
    """The same text each time."""
    console = Console(
        record=True,
        width=WIDTH,
        height=HEIGHT,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(render(sample_state(), WIDTH, HEIGHT))
    return console.export_svg(title="astermm-fleet up fleet.yaml", theme=THEME, code_format=SVG, unique_id="terminal")


if __name__ == "__main__":
    sys.stdout.write(picture())
