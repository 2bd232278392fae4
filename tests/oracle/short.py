"""Logs written by hand, in which some words stand for what every case repeats."""

from __future__ import annotations

HEAD = (
    "mipcheck-trace 1\n"
    "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 boot=true "
    "t_reregister=10s t_retransmit=2s n_retransmit=2 t_stop=30s t_detection=3s t_slack=1s "
    "t_switch=2s t_begin=5s t_restart=5s\n"
)


def log(*lines: str, head: str = HEAD) -> str:
    """Return a log of `lines`, in which some words stand for what every case repeats."""
    words = {
        "UP": "e0 link state=up",
        "COA": "e0 coa kind=colocated addr=10.1.7.20",
        "RRQ": "e0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600",
        "XRQ": "e0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=600",
        "RRP": "e0 rrp from=iha path=direct lifetime=600",
        "XRP": "e0 rrp from=xha path=direct lifetime=600",
        "PLAIN": "e0 data dir=out protection=none bytes=900 stack=ip/ip",
        "ESP": "e0 data dir=out protection=esp bytes=900 stack=ip/ip/esp",
        "IKE": "e0 ike phase=start dst=192.0.2.1",
        "VRQ": "e0 rrq to=iha path=vpn lifetime=600",
    }
    text = []
    for line in lines:
        time, word, *rest = line.split(" ", 2)
        text.append(" ".join([time, words.get(word, word), *rest]))
    return head + "\n".join(text) + "\n"


INSIDE = ("0.0 UP", "0.1 COA", "0.2 RRQ id=0x1", "0.3 RRP code=0 id=0x1 auth=ok")
OUTSIDE = ("0.0 UP", "0.1 COA", "0.2 RRQ id=0x1", "0.2 XRQ id=0x2", "0.3 XRP code=0 id=0x2 auth=ok", "2.2 RRQ id=0x3")
TUNNEL = ("4.0 IKE src=198.51.100.100", "4.2 e0 sa state=up tia=10.1.200.7")
