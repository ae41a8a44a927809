"""Fields that several blueprints use."""

from typing import Any

from wtforms import IntegerField


class NumberField(IntegerField):
    """A whole number. What was typed is shown again when it is none, without characters that no
    page can hold."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was sent."""
        self.raw_data = [
            "".join(character for character in str(value) if character.isprintable())
            for value in valuelist
        ]
        super().process_formdata(self.raw_data)
