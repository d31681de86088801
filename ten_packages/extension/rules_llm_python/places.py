"""What time it is elsewhere: names of cities as the time zone data spells them, and a few that it does not have."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REGIONS = ("Europe", "America", "Asia", "Africa", "Australia", "Pacific", "Atlantic")
OTHERS = {
    "barcelona": "Europe/Madrid",
    "beijing": "Asia/Shanghai",
    "boston": "America/New_York",
    "china": "Asia/Shanghai",
    "delhi": "Asia/Kolkata",
    "england": "Europe/London",
    "france": "Europe/Paris",
    "frankfurt": "Europe/Berlin",
    "geneva": "Europe/Zurich",
    "germany": "Europe/Berlin",
    "hamburg": "Europe/Berlin",
    "india": "Asia/Kolkata",
    "italy": "Europe/Rome",
    "japan": "Asia/Tokyo",
    "korea": "Asia/Seoul",
    "milan": "Europe/Rome",
    "mumbai": "Asia/Kolkata",
    "munich": "Europe/Berlin",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "shenzhen": "Asia/Shanghai",
    "spain": "Europe/Madrid",
    "washington": "America/New_York",
    "上海": "Asia/Shanghai",
    "东京": "Asia/Tokyo",
    "伦敦": "Europe/London",
    "北京": "Asia/Shanghai",
    "台北": "Asia/Taipei",
    "悉尼": "Australia/Sydney",
    "新加坡": "Asia/Singapore",
    "日本": "Asia/Tokyo",
    "巴黎": "Europe/Paris",
    "柏林": "Europe/Berlin",
    "洛杉矶": "America/Los_Angeles",
    "纽约": "America/New_York",
    "莫斯科": "Europe/Moscow",
    "首尔": "Asia/Seoul",
    "香港": "Asia/Hong_Kong",
}


def zone_of(place: str) -> ZoneInfo | None:
    """The time zone of a city, or None when we do not know it (or this machine has no time zone data)."""
    known = OTHERS.get(place)
    spelled = "_".join(part[:1].upper() + part[1:] for part in place.split())
    for name in [known] if known else [f"{region}/{spelled}" for region in REGIONS]:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None
