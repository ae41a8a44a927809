"""Fields that several blueprints use."""

import re
from typing import Any

from wtforms import IntegerField

# Python also reads the digits of other scripts, and underscores between digits; who typed those
# should see what was understood before it costs anything.
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")


class NumberField(IntegerField):
    """A whole number. What was typed is shown again when it is none, without characters that no
    page can hold."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was sent. Raises ValueError when it is no number."""
        self.raw_data = [
            "".join(character for character in str(value) if character.isprintable())
            for value in valuelist
        ]
        if self.raw_data and self.raw_data[0] and not _WHOLE_NUMBER.fullmatch(self.raw_data[0]):
            self.data = None
            raise ValueError(self.gettext("Not a valid integer value."))
        super().process_formdata(self.raw_data)
