"""JSON Schema of the stack file, so that an editor completes its keys and underlines mistakes.

    python -m generate.stack_schema

writes schemas/stack.schema.json. It takes more than the settings do: it knows no rule between two fields.
"""

from __future__ import annotations

from pathlib import Path

from components.gitops import GitOps
from components.recipes import RECIPES
from components.settings import SECTIONS, Cluster, Keda, Monitoring
from generate.keda_schema import DIALECT, Schema, definitions, render

PROJECT = "keda-homelab"
FILE = Path(__file__).parents[1] / "schemas" / "stack.schema.json"


def stack_schema() -> Schema:
    """The file as a whole; what Pulumi itself writes into it stays open."""
    defined = definitions((Cluster, Keda, Monitoring, GitOps, *RECIPES.values()), texts=False)
    recipes: list[Schema] = [
        {
            "if": {"properties": {"recipe": {"const": recipe}}, "required": ["recipe"]},
            "then": {"$ref": f"#/$defs/{model.__name__}"},
        }
        for recipe, model in RECIPES.items()
    ]
    workload: Schema = {
        "type": "object",
        "required": ["recipe"],
        "properties": {"recipe": {"enum": list(RECIPES)}},
        "allOf": recipes,
    }
    sections: dict[str, Schema] = {
        f"{PROJECT}:{model.__name__.lower()}": {"$ref": f"#/$defs/{model.__name__}"}
        for model in (Cluster, Keda, Monitoring, GitOps)
    }
    sections[f"{PROJECT}:workloads"] = {"type": "object", "additionalProperties": workload}
    config: Schema = {
        "type": "object",
        "properties": sections,
        "patternProperties": {f"^{PROJECT}:(?!({'|'.join(SECTIONS)})$)": False},
    }
    head: Schema = {"$schema": DIALECT, "title": "Settings of keda-homelab", "type": "object"}
    return {**head, "properties": {"config": config}, "$defs": defined}


def main() -> None:
    """Writes the JSON Schema of the stack file."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(stack_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()
