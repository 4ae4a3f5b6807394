"""docs/settings.md: every key of the stack file, from the schema and the comments of Pulumi.homelab.yaml.

python -m generate.settings_page
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from components.recipes import RECIPES
from components.recipes.prometheus import PrometheusRecipe
from components.setting import Setting
from generate.stack_schema import stack_schema
from keda import Model

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "Pulumi.homelab.yaml"
PAGE = ROOT / "docs" / "settings.md"

_INTRODUCTION = """\
# Settings

Every key of `Pulumi.<stack>.yaml`. Generated from the schema and from the comments of
[Pulumi.homelab.yaml](../Pulumi.homelab.yaml), the annotated example. An editor with a YAML language server
completes keys and underlines mistakes: the first line of a stack file names `schemas/stack.schema.json`."""
_ANY = "any"
_OF_RECIPE = frozenset({"recipe", "namespace", "minReplicas"})
"""Any recipe has them, each with its own default."""
_EXAMPLE = r"^ {4}(?:# )?([\w-]+):\n(?: {4}(?:# )?  .*\n)*? {4}(?:# )?  recipe: ([\w-]+)"
# A key, commented out or not; what is behind the second `#` is its meaning.
_KEY = re.compile(r"^( *)(?:#( +))?((?:- )?)([A-Za-z-]+(?::[a-z]+)?):(?= |$).*?(?: # (.*))?$")
_GOES_ON = re.compile(r"^[ #]*# (\S.*)$")
_BEHIND = 30
"""The comment behind a key goes on in lines whose text begins at this column or later."""


def meanings(text: str) -> Mapping[str, str]:
    """The comment of each key by its path, e.g. `keda.clusterGuard`, `workloads.batch.job.image`; of what any
    recipe takes, `any.hpaName`.
    """
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    last = ""
    for line in text.partition("config:\n")[2].splitlines():
        more = _GOES_ON.match(line)
        if more and more.start(1) >= _BEHIND:
            if last:
                found[last] += f" {more[1]}"
        elif key := _KEY.match(line):
            indent = len(key[1]) + len(key[2] or " ") - 1 + len(key[3])
            path = [each for each in path if each[0] < indent]
            path.append((indent, key[4].removeprefix("keda-homelab:")))
            last = ".".join(name for _, name in path)
            if key[5]:
                found.setdefault(last, key[5])
            else:
                last = ""
        else:
            last = ""
            if "Any recipe" in line:
                path = [(2, _ANY)]
    return found


def examples(text: str, recipe: str) -> list[str]:
    """The keys of a recipe's examples in the stack file, commented out or not."""
    return [key for key, name in re.findall(_EXAMPLE, text, re.MULTILINE) if name == recipe]


def page() -> str:
    """The text of docs/settings.md."""
    defined = stack_schema()["$defs"]
    text = EXAMPLE.read_text("utf-8")
    comments = dict(meanings(text))
    comments[f"{_ANY}.namespace"] = comments["workloads.ray-serve.namespace"]
    parts = [_INTRODUCTION]
    for section in ("Cluster", "Keda", "Monitoring", "GitOps"):
        rows = _rows(defined, section, [section.lower()], comments)
        parts.append(f"## keda-homelab:{section.lower()}\n\n{_table(rows)}")
    keys = [set(defined[model.__name__]["properties"]) for model in RECIPES.values()]
    common = set.intersection(*keys) | {"authentication"}
    authenticated = [name for name, model in RECIPES.items() if issubclass(model, PrometheusRecipe)]
    for_any = _rows(defined, "RayServe", [_ANY, "workloads.ray-serve"], comments, only=common - _OF_RECIPE)
    parts.append(
        "## keda-homelab:workloads\n\nOne entry per workload. Its key names the ScaledObject, and "
        "`keda-hpa-<key>` its HPA. `recipe` (required) decides which other keys there are: "
        f"{', '.join(f'[{name}](#{name})' for name in RECIPES)}.\n\n### Any recipe\n\n{_table(for_any)}\n\n"
        f"`authentication` is a key of {_listed(authenticated)} only. batch computes `maxReplicas` from its "
        "GPUs. gate takes of these only `pollingInterval`, `monitor`, `alerts`, `labels`, `annotations` and "
        "`authentication`, and makes a ScaledObject for each target: [gate.md](gate.md)."
    )
    for recipe, model in RECIPES.items():
        places = [f"workloads.{key}" for key in examples(text, recipe)] + [_ANY]
        hidden = common - _OF_RECIPE | {"recipe"}
        hidden |= {field.alias or name for name, field in model.model_fields.items() if field.exclude}
        rows = _rows(defined, model.__name__, places, comments, hidden=hidden)
        parts.append(f"### {recipe}\n\n{_table(rows)}")
    return "\n\n".join(parts) + "\n"


def _rows(
    defined: Mapping[str, Any],
    model: str,
    places: Sequence[str],
    comments: Mapping[str, str],
    *,
    only: Set[str] | None = None,
    hidden: Set[str] = frozenset(),
) -> Iterator[str]:
    """A row for each key; `places` are where its comment is looked for, in this order."""
    required = defined[model].get("required", ())
    for key, schema in defined[model]["properties"].items():
        if key in hidden or (only is not None and key not in only):
            continue
        text = next((comments[f"{place}.{key}"] for place in places if f"{place}.{key}" in comments), "")
        yield _row(key, schema, text, key in required)
        inner = _reference(schema)
        within = [f"{place}.{key}" for place in places]
        if inner and _explained(defined[inner], inner, within, comments):
            for row in _rows(defined, inner, within, comments):
                yield row.replace("| `", f"| `{key}.", 1)


def _explained(
    schema: Mapping[str, Any], model: str, places: Sequence[str], comments: Mapping[str, str]
) -> bool:
    """Whether the keys of an inner mapping have rows: where one is required or has a comment of its own."""
    if model not in {each.__name__ for each in _models(Setting)}:
        return False  # KEDA's own, and explained there
    keys = schema["properties"]
    return "required" in schema or any(f"{place}.{key}" in comments for place in places for key in keys)


def _models(base: type[Model]) -> Iterator[type[Model]]:
    for each in base.__subclasses__():
        yield each
        yield from _models(each)


def _row(key: str, schema: Mapping[str, Any], text: str, required: bool) -> str:
    for_all, _, meaning = text.partition(". ")
    if re.match(r"REQUIRED$|default(:|$)", for_all):
        text = meaning
    default = _default(schema, for_all)
    meaning = (text or str(schema.get("description", ""))).strip().rstrip(".")
    cells = (f"`{key}`", _type(schema), "**required**" if required else default, meaning)
    shown = [cell.replace("|", "\\|").replace("<", "\\<") for cell in cells]
    return f"| {' | '.join(shown)} |"


def _default(schema: Mapping[str, Any], text: str) -> str:
    """As the comment has it, since the schema has no value for what is worked out; else the schema's."""
    if text.startswith("default: "):
        return text.removeprefix("default: ")
    value = schema.get("default")
    return "" if value is None or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _type(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in schema["enum"])
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if choices:
        return " | ".join(map(_type, choices))
    kind = str(schema.get("type", "object"))
    return {"object": "mapping", "array": "list"}.get(kind, kind)


def _reference(schema: Mapping[str, Any]) -> str:
    every = [schema, *schema.get("anyOf", ()), schema.get("items", {})]
    return next((each["$ref"].rpartition("/")[2] for each in every if "$ref" in each), "")


def _listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _table(rows: Iterator[str]) -> str:
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
