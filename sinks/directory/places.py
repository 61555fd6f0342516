"""The country of a phone number, by libphonenumber. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

MOST_AREA_DIGITS = 9
"""The longest prefix of an area in libphonenumber."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a number; '' for what is unknown."""

    e164: str = ""
    """Such as +8613800000000 (ITU-T E.164)."""
    country: str = ""
    """ISO 3166, such as CN."""
    area_digits: str = ""
    """The digits whose beginning is an area's prefix; '' for a number without an area."""


NOWHERE = Place()


def place(number: str, country: str | None) -> Place:
    """Read a number as the provider wrote it; without a + it belongs to `country` (ISO 3166), or is unknown.

    Numbers that can't be dialled have no place: an extension has no country.
    """
    try:
        read = phonenumbers.parse(number, country)
    except NumberParseException:
        return NOWHERE
    if not phonenumbers.is_valid_number(read):
        return NOWHERE
    return Place(
        phonenumbers.format_number(read, PhoneNumberFormat.E164),
        phonenumbers.region_code_for_number(read) or "",
        _area_digits(read),
    )


def prefixes(digits: str) -> list[str]:
    """Every prefix that may be an area's, the longest first."""
    return [digits[:length] for length in range(min(len(digits), MOST_AREA_DIGITS), 0, -1)]


def _area_digits(read: phonenumbers.PhoneNumber) -> str:
    """As libphonenumber's own geocoder looks up areas (PhoneNumberOfflineGeocoder)."""
    code = read.country_code or 0
    if not phonenumbers.is_number_type_geographical(phonenumbers.number_type(read), code):
        return ""
    national = phonenumbers.national_significant_number(read)
    # Argentina's mobile numbers have a 9 before their area
    return f"{code}{national.removeprefix(phonenumbers.country_mobile_token(code))}"
