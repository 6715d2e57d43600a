"""Pages of runs: written with the run, as a document and as a file to open, and made again from the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from optimizer.domain.case import Case
from optimizer.jobs.compiled import cache_folder
from optimizer.report.document import Chart, Page, page_of, page_text
from optimizer.report.html import render
from optimizer.store.inputs import kept_index
from optimizer.store.runs import RunDraft

DOCUMENT, PAGE = "page.json", "report.html"


def write_page(draft: RunDraft, page: Page) -> None:
    """The page of a run, and the document that it is made of; it tells the hashes of what the run read."""
    inputs = draft.path("inputs")
    if inputs.is_dir():
        page = replace(page, summary=dict(page.summary) | {"inputs": kept_index(inputs)})
    draft.path(DOCUMENT).write_text(page_text(page), encoding="utf-8")
    draft.path(PAGE).write_text(page_html(page), encoding="utf-8")


def page_html(page: Page) -> str:
    """The page as a file to open, with the script that draws charts where there are any."""
    return render(page, viewer=viewer()) if any(isinstance(part, Chart) for part in page) else render(page)


def viewer() -> str:
    """The script that draws charts; the first time it takes seconds."""
    from optimizer.report.viewer import viewer_script  # what draws is slow to import

    return viewer_script(cache_folder())


def page_of_run(run: Path) -> Page:
    """The document of a run that has one.

    Raises:
      DataError: another version wrote it.
    """
    file = run / DOCUMENT
    return page_of(file.read_text(encoding="utf-8"), str(file))


def supplier_names(case: Case) -> dict[str, str]:
    """Every name of a case that says who supplies, and what stands for it on a page to share.

    Example: {"cloud_a": "supplier 1", "site_a": "site 1", "pool_a": "site 1 h100", "held": "contract 1", "market_a": "offer 1"}
    """
    sites = _numbered("site", (site.name for site in case.sites))
    pools: dict[str, str] = {}
    for pool in case.pools:
        pools[pool.name] = f"{sites[pool.site]} {pool.accelerator}"
    return {
        **_numbered("offer", (offer.name for offer in case.offers)),
        **_numbered("agreement", (contract.agreement for contract in case.contracts)),
        **_numbered("contract", (contract.name for contract in case.contracts)),
        **pools,
        **sites,
        **_numbered("supplier", [*(supplier.name for supplier in case.suppliers), *(point.supplier for point in case.price_points)]),
    }


def names_in(**names: Iterable[str | None]) -> Mapping[str, str]:
    """The same from names by kind. Example: names_in(supplier=["cloud_a"]) is {"cloud_a": "supplier 1"}."""
    found: dict[str, str] = {}
    for kind, each in names.items():
        found |= _numbered(kind, (name for name in each if name is not None))
    return found


def _numbered(kind: str, names: Iterable[str]) -> dict[str, str]:
    return {name: f"{kind} {number}" for number, name in enumerate(dict.fromkeys(names), start=1) if name}
