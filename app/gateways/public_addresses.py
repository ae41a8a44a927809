"""Which IP addresses belong to the public internet, so that a typed host may be asked there."""

from ipaddress import IPv4Network, IPv6Network, ip_address

# Public by the letter of the registry, but not a place where somebody's server stands: multicast,
# relays, documentation. What `is_global` says no to differs between versions of Python.
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All of the public IPv6 internet is in here. Outside are loopback, link-local, private and
# multicast addresses, and those that carry an IPv4 address inside: mapped (::ffff:0:0/96),
# compatible (::/96) and translated (64:ff9b::/96), which might lead anywhere.
_PUBLIC_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        # Protocol assignments, among them Teredo, which carries an IPv4 address inside.
        "2001::/23",
        "2001:db8::/32",
        # 6to4: an IPv4 address inside.
        "2002::/16",
        "3fff::/20",
    )
)


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6 as text) is one that any stranger could reach, too.

    False for whatever is private, local, reserved or multicast, for every form that carries
    another address inside, and for what is no address at all.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if found.version == 4:
        return not any(found in network for network in _REFUSED_V4)
    return found in _PUBLIC_V6 and not any(found in network for network in _REFUSED_V6)
