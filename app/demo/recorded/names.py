"""Invented names: the same for the same number, and none twice."""

import uuid
from random import Random

FIRST = (
    *("Amber", "Birch", "Cedar", "Dune", "Elder", "Fern", "Glen", "Hazel", "Indigo", "Jasper"),
    *("Kestrel", "Linden", "Maple", "North", "Ochre", "Pebble", "Quarry", "Raven", "Sorrel"),
    *("Thistle", "Umber", "Vale", "Willow", "Yarrow", "Zephyr", "Alder", "Bramble", "Clover"),
    *("Drift", "Ember", "Fjord", "Garnet", "Hollow", "Iris", "Juniper", "Kelp", "Lark"),
    *("Meadow", "Nettle", "Opal", "Pine", "Rowan", "Sage", "Teal", "Violet", "Wren", "Aspen"),
    *("Basil", "Coral", "Dahlia"),
)
SECOND = (
    *("Bakery", "Analytics", "Architects", "Archive", "Bikes", "Botanics", "Brewing", "Ceramics"),
    *("Clinic", "College", "Cooperative", "Dental", "Design", "Energy", "Engineering", "Farms"),
    *("Film", "Finance", "Freight", "Games", "Gardens", "Housing", "Instruments", "Institute"),
    *("Insurance", "Joinery", "Laboratory", "Legal", "Library", "Logistics", "Marine", "Media"),
    *("Museum", "Optics", "Orchestra", "Outfitters", "Press", "Publishing", "Radio", "Research"),
    *("Robotics", "School", "Software", "Solar", "Studios", "Theater", "Travel", "Trust"),
    *("Water", "Works"),
)
GIVEN = (
    *("Ada", "Boris", "Chiara", "Dmitri", "Esra", "Femi", "Greta", "Hugo", "Ilse", "Jonas"),
    *("Kaya", "Leon", "Mina", "Noor", "Olga", "Pablo", "Rana", "Sven", "Tara", "Uma"),
    *("Vera", "Wim", "Xenia", "Yusuf", "Zoe"),
)
FAMILY = (
    *("Abel", "Brandt", "Castro", "Dubois", "Eriksen", "Fontaine", "Gruber", "Hansen", "Ivanova"),
    *("Jensen", "Keller", "Lopez", "Moreau", "Nakamura", "Okafor", "Petrov", "Quist", "Rossi"),
    *("Sato", "Tanaka", "Urban", "Vogel", "Weber", "Young", "Zeman"),
)
# All identities of the crowd hang on this one.
_NAMESPACE = uuid.UUID("6f0f6c5a-3c0d-4c1e-9a53-5e0d0c2b7a11")


def company_name(number: int) -> str:
    """What the customer of that number is called: the first 2,500 have no numeral in it."""
    # Steps that share no factor with the lengths, so that neighbors are not all called alike.
    rest, first = divmod(number * 7 % (len(FIRST) * len(SECOND)), len(FIRST))
    title = f"{FIRST[first]} {SECOND[rest]}"
    again = number // (len(FIRST) * len(SECOND))
    return f"{title} {again + 1}" if again else title


def slug(title: str) -> str:
    """A name as it stands in an address."""
    return title.lower().replace(" ", "-")


def person_name(random: Random) -> str:
    """Somebody."""
    return f"{random.choice(GIVEN)} {random.choice(FAMILY)}"


def stable_uuid(kind: str, seed: int, number: int) -> str:
    """The same identity for the same number in every demo."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{seed}:{number}"))
