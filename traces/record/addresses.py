"""Who is where in the little network, and the secrets, which protect nothing."""

from __future__ import annotations

IHA, XHA, VPN = "10.1.0.10", "198.51.100.10", "192.0.2.1"
IHOA, XHOA, TIA = "10.1.9.77", "198.51.100.77", "10.1.3.5"
CORRESPONDENT = "10.1.5.20"
INTERNAL = "10.0.0.0/8"
ENTERPRISE = "10.1.0.0/16"
"""What the VPN leads to."""
GATEWAY_INSIDE = "10.1.2.2"

KEYS = {"iha": (256, "recorded-i-ha-key"), "xha": (512, "recorded-x-ha-key")}
VPN_SECRET = "recorded-vpn-secret"

PLACES = {"inside": "10.1.7", "outside": "203.0.113"}
"""Access networks (/24): what the mobile node plugs its interfaces into."""
DOMAINS = {"inside": "corp.example", "outside": "cafe.example"}

PARAMETERS = {"t_reregister": 3.0, "t_stop": 6.1, "t_detection": 3.0}
"""Seconds."""
