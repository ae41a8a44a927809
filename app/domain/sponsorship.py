"""Sponsorships: what is asked of an organization, and how long one lasts. Pure."""

from datetime import timedelta
from enum import StrEnum

MONTHS = 12
# So long before the end the people are asked whether everything is as it was.
REMIND_AHEAD = timedelta(days=30)

MOST_WEBSITE = 200
MOST_DESCRIPTION = 2000
LEAST_DESCRIPTION = 10
MOST_ANSWER = 60


class OrganizationType(StrEnum):
    """What sort of organization asks."""

    OPEN_SOURCE = "open_source"
    EDUCATION_NON_PROFIT = "education_non_profit"
    EDUCATION_FOR_PROFIT = "education_for_profit"
    RESEARCH = "research"
    NON_PROFIT = "non_profit"
    COMMUNITY = "community"
    EVENT = "event"
    BUSINESS = "business"
    OTHER = "other"
