"""MkDocs hooks: the site has the paths of the repository, so that a link works in both.

The pages are README.md, those of docs/, every file that one of them links to, and notebooks with
the outputs that they are kept with.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
_LOG = get_plugin_logger("hooks")
# Public names of the package that have a page of their own, or need none.
_WITH_PAGES = ("__version__", "encoders", "losses")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of docs/ by those of the repository that belong to the site."""
    docs = ROOT / "docs"
    parts = [path for suffix in ("css", "js", "md") for path in sorted(docs.rglob(f"*.{suffix}"))]
    paths = [ROOT / "README.md", *parts]
    for path in paths:
        if path.suffix != ".md":
            continue
        linked = (path.parent / target for target in _LINK.findall(path.read_text("utf-8")))
        found = (target.resolve() for target in linked if target.is_file())
        paths += [target for target in found if ROOT in target.parents and target not in paths]
    kept = [file for file in files if file.src_dir != config.docs_dir]
    notebooks = [
        File.generated(
            config, path.relative_to(ROOT).with_suffix(".md").as_posix(), content=_page(path)
        )
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    return Files([*kept, *(_file(path, config) for path in dict.fromkeys(paths)), *notebooks])


def _page(notebook: Path) -> str:
    """Return a notebook as Markdown."""
    parts = []
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [shown for output in cell["outputs"] if (shown := _output(output))]
    parts.append(f"[The notebook]({notebook.name}) itself.")
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    """Return what a cell has printed or drawn as Markdown."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"]).replace("\n", "")
        return f"![What the cell draws](data:image/png;base64,{picture})"
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{text.rstrip()}\n```" if text else ""


def _file(path: Path, config: MkDocsConfig) -> File:
    name = path.relative_to(ROOT).as_posix()
    return File(name, str(ROOT), config.site_dir, config.use_directory_urls)


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Keep the tables of results out of the search, and link to the pages of notebooks."""
    if page.file.src_uri.startswith("results/"):
        page.meta["search"] = {"exclude": True}
    if page.file.src_uri.startswith("notebooks/"):
        return markdown
    # On the site a notebook is a page.
    return re.sub(r"(\]\([^)\s]*notebooks/\w+)\.ipynb\)", r"\1.md)", markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Check that a page of the reference has every public name of its module."""
    if page.file.src_uri.startswith("docs/reference/"):
        module = re.search(r"^::: (\S+)", page.markdown or "", flags=re.MULTILINE)
        assert module
        for name in _public(ROOT / module[1].replace(".", "/")):
            # A function may have the name of its module.
            names = (f"{module[1]}.{name}", f"{module[1]}.{name}.{name}")
            if not any(f'id="{name}"' in html for name in names):
                _LOG.warning("%s: %s is missing", page.file.src_uri, names[0])
    return html


def _public(module: Path) -> list[str]:
    """Return ``__all__`` of a module without importing it."""
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [name for name in ast.literal_eval(node.value) if name not in _WITH_PAGES]
    return []
