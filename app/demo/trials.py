"""The switch of the free trials: off as the catalog is shipped, on while a file lies in the demo's
folder, so that every process of the demo sells the same."""

from dataclasses import replace

from app.demo.folder import DemoFolder
from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind

TRIAL_TIER = "basic"
TRIAL_DAYS = 30


def with_trials(catalog: Catalog) -> Catalog:
    """The catalog with a free trial of one tier."""
    tried = replace(catalog.tier(TRIAL_TIER), trials=dict.fromkeys(CustomerKind, TRIAL_DAYS))
    return replace(catalog, tiers={**catalog.tiers, TRIAL_TIER: tried})


def are_trials_on(folder: DemoFolder) -> bool:
    """What the switch says."""
    return folder.trials_file.exists()


def switch_trials(folder: DemoFolder, *, on: bool) -> None:
    """Turn the switch."""
    if on:
        folder.trials_file.touch()
    else:
        folder.trials_file.unlink(missing_ok=True)
