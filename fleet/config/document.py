"""A YAML text as plain values, each with its place, environment variables filled in.

Owns: syntax, duplicate keys, `${NAME}`, and the refusal of credentials. Must not know: what the keys mean.
Numbers with a fraction become Decimal, so that what the file says is what is traded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import yaml

from fleet.config.faults import Fault, shown

Value = str | int | bool | Decimal | None | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]

_MAX_DEPTH = 12
_MAX_NODES = 50_000
_STRING_TAG = "tag:yaml.org,2002:str"
_KINDS = ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge", "value")
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.?[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_VARIABLE = re.compile(r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-([^}$]*))?\})?", re.ASCII)
_SECRET_NAME = re.compile(
    r"(api|public|private|access|secret|signer)_?key|secret|private|passw|passphrase|mnemonic|seed_?phrase|token"
    r"|credential|^api|signer|^wallet",
    re.IGNORECASE,
)
_NAMED_BY_THE_VENUE: frozenset[Path] = frozenset({("symbols",), ("paper", "balance")})
_LIKE_A_KEY = re.compile(r"0[xX][0-9a-fA-F]{64}|[0-9A-Za-z]{64}")
_CREDENTIALS_RIGHT = (
    "keep them out of this file; set API_USER and API_PRIVATE_KEY in the environment, in .env,"
    " or as files named by API_PRIVATE_KEY_FILE and the like"
)


@dataclass(slots=True)
class Document:
    """What a text says, and where. `places` and `keys` hold (line, column) of values and of their keys, from 1."""

    name: str
    data: Value = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    written: dict[Path, str] = field(default_factory=dict[Path, str])
    """Scalars as the file writes them, before variables are filled in: only these may be shown."""
    faults: dict[Fault, None] = field(default_factory=dict[Fault, None])
    """In the order they were found, each once."""

    def fault(self, place: tuple[int, int], what: str, right: str) -> None:
        self.faults[Fault(self.name, *place, what, right)] = None


def read(text: str, name: str, env: Mapping[str, str], *, may_hold_secrets: bool = False) -> Document:
    """Never raises: what is wrong stands in the document's `faults`."""
    document = Document(name)
    try:
        node: yaml.Node | None = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        what = ", ".join(shown(part) for part in (error.context, error.problem) if part)
        line = text.splitlines()[place[0] - 1 : place[0]]
        right = "check indentation, quotes, colons and brackets here"
        if line and "${" in line[0]:
            right = 'inside { } a variable wants quotes: "${NAME}"'
        document.fault(place, f"not YAML: {what}", right)
        return document
    except yaml.YAMLError:
        document.fault(_unprintable(text), "not YAML: a character that no YAML may hold", "plain text in UTF-8")
        return document
    except (ValueError, OverflowError):
        # pyyaml converts the numbers of escapes and directives unchecked.
        document.fault((1, 1), "not YAML: an escape or a directive is malformed", "check backslashes and % lines")
        return document
    if node is not None:
        try:
            document.data = _Reader(document, env, may_hold_secrets).value(node, ())
        except _TooLarge as error:
            document.fault(error.place, "too deep or too long", f"at most {_MAX_DEPTH} levels, no anchors that repeat")
    return document


class _TooLarge(Exception):
    def __init__(self, place: tuple[int, int]) -> None:
        super().__init__()
        self.place = place


class _Loader(yaml.SafeLoader):
    """Composing calls itself for each level: the depth is bounded before Python's own bound is met."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth > _MAX_DEPTH:
            mark = None if parent is None else parent.start_mark
            raise yaml.MarkedYAMLError(problem=f"more than {_MAX_DEPTH} levels", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Reader:
    def __init__(self, document: Document, env: Mapping[str, str], may_hold_secrets: bool) -> None:
        self._document = document
        self._env = env
        self._may_hold_secrets = may_hold_secrets
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Value:
        is_scalar = isinstance(node, yaml.ScalarNode)
        place = _place(node) if is_scalar else self._document.keys.get(path, _place(node))
        self._document.places[path] = place
        self._nodes += 1
        if len(path) > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise _TooLarge(place)
        if node.tag not in _TAGS:
            self._document.fault(place, f"tag {shown(node.tag)} is not understood", "a value without a tag")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path, place)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        for key_node, value_node in node.value:
            place = _place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.fault(place, "a key that is no plain word", "key: value")
                continue
            key = str(key_node.value)
            if key in mapping:
                first = self._document.keys[*path, key][0]
                self._document.fault(place, f"{shown(key)} stands twice", f"once; it is first on line {first}")
                continue
            self._document.keys[*path, key] = place
            mapping[key] = None
            if path not in _NAMED_BY_THE_VENUE and self._is_secret_name(key):
                self._document.fault(place, f"{shown(key)} looks like a credential", _CREDENTIALS_RIGHT)
                self._document.places[*path, key] = place
            else:
                mapping[key] = self.value(value_node, (*path, key))
        return mapping

    def _scalar(self, node: yaml.Node, path: Path, place: tuple[int, int]) -> Value:
        written = str(node.value)
        self._document.written[path] = written
        text = _VARIABLE.sub(lambda match: self._variable(match, place), written)
        if not self._may_hold_secrets and _LIKE_A_KEY.fullmatch(text.strip()):
            self._document.fault(place, "a value that looks like a key", _CREDENTIALS_RIGHT)
            return None
        style: str | None = getattr(node, "style", None)
        if style is not None or (node.tag == _STRING_TAG and text == written):
            return text
        return _plain(text)

    def _is_secret_name(self, name: str) -> bool:
        return not self._may_hold_secrets and _SECRET_NAME.search(name) is not None

    def _variable(self, match: re.Match[str], place: tuple[int, int]) -> str:
        name: str | None = match[1]
        if name is None:
            self._document.fault(place, "${ does not begin a variable", "${NAME} or ${NAME:-default}")
        elif self._is_secret_name(name):
            self._document.fault(place, f"${{{shown(name)}}} looks like a credential", _CREDENTIALS_RIGHT)
        elif name in self._env:
            return self._env[name]
        elif match[2] is not None:
            return str(match[3])
        else:
            what = f"environment variable {shown(name)} is not set"
            self._document.fault(place, what, f"set it, or write ${{{shown(name)}:-default}}")
        return ""


def _plain(text: str) -> Value:
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _place(node: yaml.Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _unprintable(text: str) -> tuple[int, int]:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    before = text[: found.start()] if found else ""
    return (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
