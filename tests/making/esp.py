"""ESP in tunnel mode. It is made by scapy, which encrypts in its own way."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from mipcheck.checker.site.site import EspSa
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet

from making.packets import VPN, XHOA

OUT, IN = 0x0C44BE6C, 0x0C44BE6D
SECRET = bytes(range(1, 65))
NAMES = {
    "hmac-md5-96": ("HMAC-MD5-96", 16),
    "hmac-sha1-96": ("HMAC-SHA1-96", 20),
    "hmac-sha2-256-128": ("SHA2-256-128", 32),
    "hmac-sha2-384-192": ("SHA2-384-192", 48),
    "hmac-sha2-512-256": ("SHA2-512-256", 64),
    "null": ("NULL", 0),
}
"""Ours → scapy's, and the bytes of a key."""
CIPHERS = {
    "aes-cbc": ("AES-CBC", (16, 24, 32)),
    "aes-ctr": ("AES-CTR", (20, 28, 36)),
    "aes-gcm": ("AES-GCM", (20, 28, 36)),
    "3des-cbc": ("3DES", (24,)),
    "chacha20-poly1305": ("CHACHA20-POLY1305", (36,)),
    "null": ("NULL", (0,)),
}


def keys(spi: int = OUT, encryption: str = "aes-cbc", size: int = 16, integrity: str = "hmac-sha1-96") -> EspSa:
    """Return an association as a site declares it, with keys that are made up."""
    return EspSa(spi, encryption, SECRET[:size], integrity, SECRET[: NAMES[integrity][1]][::-1])


def association(sa: EspSa, tunnel: IP | None = None, **options: Any) -> Any:
    """Return scapy's form of an association."""
    return SecurityAssociation(
        ESP,
        spi=sa.spi,
        seq_num=1,
        crypt_algo=CIPHERS[sa.encryption][0],
        crypt_key=sa.encryption_key or None,
        auth_algo=NAMES[sa.integrity][0],
        auth_key=sa.integrity_key or None,
        tunnel_header=tunnel,
        **options,
    )


def sealed(packet: Packet, sa: EspSa, source: str = XHOA, target: str = VPN, nat: bool = True) -> Packet:
    """The packet in ESP in tunnel mode."""
    header = UDP(sport=4500, dport=4500) if nat else None
    result: Packet = association(sa, IP(src=source, dst=target), nat_t_header=header).encrypt(packet)
    return result


def keys_beside(site: Path, folder: Path) -> Path:
    """Write a site file without its associations into a folder, as site.toml, and these as Wireshark's table, of which
    the path is returned."""
    text = site.read_text("utf-8")
    head, *tables = text.split("[[esp_sa]]")
    (folder / "site.toml").write_text(head, "utf-8")
    rows = tomllib.loads(text)["esp_sa"]
    assert len(rows) == len(tables)
    table = "".join(
        f'"IPv4","*","*","{r["spi"]:#x}","{r["encryption"].upper()}","0x{r["encryption_key"].removeprefix("0x")}",'
        f'"{r["integrity"].upper()}","0x{r["integrity_key"].removeprefix("0x")}"\n'
        for r in rows
    )
    (folder / "esp_sa").write_text(table, "utf-8")
    return folder / "esp_sa"
