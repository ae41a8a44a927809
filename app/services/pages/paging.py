"""Long lists, a page at a time."""

from dataclasses import dataclass

PAGE_SIZE = 25
# More pages than anybody turns; beyond it numbers would not fit the database's.
LAST_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class ListPart:
    """Which part of a list a page shows: page `number` of `pages`, both from 1.

    `first` and `last` count its rows among all `total` ones, from 1; both are 0 when there are
    none.
    """

    number: int
    pages: int
    first: int
    last: int
    total: int

    @property
    def offset(self) -> int:
        """How many rows stand before it."""
        return (self.number - 1) * PAGE_SIZE


def part_of_list(total: int, *, number: int) -> ListPart:
    """Page `number` of a list of `total` rows; one that is not there becomes the nearest."""
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    offset = (number - 1) * PAGE_SIZE
    return ListPart(
        number=number,
        pages=pages,
        first=min(offset + 1, total),
        last=min(offset + PAGE_SIZE, total),
        total=total,
    )
