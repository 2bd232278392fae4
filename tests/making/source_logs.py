"""Logs of a mobile node, in parts that sources of different kinds show."""

from __future__ import annotations

HEAD = "mipcheck-trace 1\n"
SITE = "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 boot=true\n"
INSIDE = """\
0.000000 eth0 link state=up
0.100000 eth0 coa kind=colocated addr=10.1.7.20
0.110000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x11
0.200000 eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11 auth=ok
1.000000 eth0 data dir=out protection=none bytes=400 stack=ip/ip
"""
TUNNEL = """\
0.000000 - sa state=down
2.000000 wlan0 ike phase=start src=198.51.100.100 dst=192.0.2.1
2.100000 wlan0 ike phase=established src=198.51.100.100 dst=192.0.2.1
2.200000 - sa state=up tia=10.1.200.7
"""
ELSEWHERE = """\
60.000000 eth0 coa kind=colocated addr=203.0.113.9
60.010000 eth0 rrq to=iha path=direct coa=203.0.113.9 flags=DT lifetime=600 id=0x21
60.020000 eth0 rrq to=xha path=direct coa=203.0.113.9 flags=DT lifetime=600 id=0x22
"""
OUTSIDE = """\
0.000000 wlan0 link state=up
0.100000 wlan0 coa kind=colocated addr=203.0.113.20
0.110000 wlan0 rrq to=iha path=direct coa=203.0.113.20 flags=DT lifetime=60 id=0x11
0.120000 wlan0 rrq to=xha path=direct coa=203.0.113.20 flags=DT lifetime=600 id=0x12
{} wlan0 rrp from=xha path=direct code=0 lifetime=600 id=0x12 auth=ok
"""
COARSE = """\
2 wlan0 ike phase=start src=198.51.100.100 dst=192.0.2.1
2 wlan0 ike phase=established src=198.51.100.100 dst=192.0.2.1
3 - sa state=up tia=10.1.200.7
"""
