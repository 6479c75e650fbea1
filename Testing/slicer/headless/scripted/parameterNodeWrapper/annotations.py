"""What `typing.Annotated` may say about a parameter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Default:
    """Value of a new parameter."""

    value: object


class Validator:
    """Something that refuses values."""

    def validate(self, value):
        """ValueError when the value is refused."""


@dataclass(frozen=True)
class WithinRange(Validator):
    """Both limits are allowed."""

    minimum: float
    maximum: float

    def validate(self, value):
        """ValueError outside the range."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Minimum(Validator):
    """Smallest allowed value."""

    minimum: float

    def validate(self, value):
        """ValueError below it."""
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclass(frozen=True)
class Maximum(Validator):
    """Largest allowed value."""

    maximum: float

    def validate(self, value):
        """ValueError above it."""
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclass(frozen=True)
class Choice(Validator):
    """Allowed values."""

    choices: list

    def validate(self, value):
        """ValueError for any other."""
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


@dataclass(frozen=True)
class RangeBounds:
    """Limits for the widget alone."""

    minimum: float
    maximum: float


@dataclass(frozen=True)
class Decimals:
    """Decimals for the widget."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step for the widget."""

    value: float


@dataclass(frozen=True)
class Label:
    """Text for the widget."""

    text: str
