"""Write the list of docs/model-settings.md from the docstring of the model.

python docs/model_settings.py
"""

import inspect
import re
from pathlib import Path

from rnc_graph import MoleculeRegressor
from rnc_graph.cli.update import OPTIONS
from rnc_graph.models import ModelSettings

PAGE = Path(__file__).with_name("model-settings.md")
# Arguments that are no settings of the model, and those whose options have another name.
_OTHERS = {
    "target_transform": "transform",
    "validation_fraction": "validation-fraction",
    "on_bad": "on-bad",
    "random_state": "seed",
    "n_jobs": "jobs",
    "device": "device",
    "plugins": "plugin",
}


def settings() -> str:
    """Return each argument of the model, with its option of `train`, default and meaning."""
    text = inspect.getdoc(MoleculeRegressor) or ""
    described = text.partition("\nArgs:\n")[2].partition("\nAttributes:\n")[0]
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", described, flags=re.M | re.S)
    meanings = {name: " ".join(meaning.replace("``", "`").split()) for name, meaning in entries}
    lines = []
    for name, parameter in inspect.signature(MoleculeRegressor).parameters.items():
        default = parameter.default
        if default is None and name in ModelSettings.model_fields:
            default = ModelSettings.model_fields[name].default
        shown = repr(list(default) if isinstance(default, tuple) else default)
        lines.append(f"- **`{name}`** ({_option(name)}; default `{shown}`): {meanings[name]}\n")
    return "".join(lines)


def _option(name: str) -> str:
    if option := OPTIONS.get(name, _OTHERS.get(name)):
        return f"`--{option.replace('_', '-')}`"
    return "in Python alone" if name == "verbose" else f"`--set {name}`"


def main() -> None:
    """Replace the list of the page."""
    start = PAGE.read_text().partition("- **`")[0]
    PAGE.write_text(start + settings())


if __name__ == "__main__":
    main()
