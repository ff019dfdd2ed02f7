"""Hooks of mkdocs: README, CONTRIBUTING and CHANGELOG are pages; links leave no file behind."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie next to this folder."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links between pages as the site has them; files of the repository are named, not linked."""
    is_top = page.file.src_path in PAGES.values()

    def linked(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target:
            return match[0]
        path = ((ROOT if is_top else ROOT / "docs") / target).resolve()
        name = path.relative_to(ROOT).as_posix()
        site = PAGES.get(name) or name.removeprefix("docs/")
        is_page = name in PAGES or name.startswith("docs/")
        return f"[{text}]({site}{anchor})" if is_page else text

    return LINK.sub(linked, markdown)
