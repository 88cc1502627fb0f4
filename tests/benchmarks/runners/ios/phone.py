"""Answers in the shapes of Apple's devicectl, with made-up numbers: of Xcode 15 to 26, and of Xcode 27."""

from __future__ import annotations

from typing import Any

UDID = "00008130-000A11110000001E"
OTHER = "00008140-000B22220000002E"


def old_device(udid: str = UDID, **changes: Any) -> dict[str, Any]:
    """As Xcode 15 to 26 list it."""
    found = {"pairing": "paired", "tunnel": "disconnected", "mode": "enabled", "platform": "iOS", **changes}
    return {
        "capabilities": [{"featureIdentifier": "com.apple.coredevice.feature.launchapplication"}],
        "connectionProperties": {
            "authenticationType": "manualPairing",
            "pairingState": found["pairing"],
            "transportType": "wired",
            "tunnelState": found["tunnel"],
        },
        "deviceProperties": {
            "bootState": "booted",
            "ddiServicesAvailable": True,
            "developerModeStatus": found["mode"],
            "name": "A phone",
            "osBuildUpdate": "23A341",
            "osVersionNumber": "26.0",
        },
        "hardwareProperties": {
            "deviceType": "iPhone",
            "marketingName": "iPhone 15 Pro",
            "platform": found["platform"],
            "productType": "iPhone16,1",
            "reality": "physical",
            "udid": udid,
        },
        "identifier": "11111111-2222-3333-4444-555555555555",
        "visibilityClass": "default",
    }


def new_device(udid: str = UDID, **changes: Any) -> dict[str, Any]:
    """As Xcode 27 lists it, once what it calls deprecated is gone."""
    found = {"reality": "physical", "state": "connected", "mode": {"enabled": {"mode": 1}}, **changes}
    return {
        "identifier": "11111111-2222-3333-4444-555555555555",
        "properties": {
            "connection": {"pairingState": "paired", "state": found["state"], "transportType": "wired"},
            "hardware": {
                "deviceType": "iPhone",
                "marketingName": "iPhone 18 Pro",
                "platform": "iOS",
                "productType": "iPhone19,1",
                "reality": found["reality"],
                "udid": udid,
            },
            "software": {"osVersionNumber": {"components": [27, 0, 0], "stringValue": "27.0"}},
            "state": {"bootState": "booted", "developerModeStatus": found["mode"], "name": "A phone"},
        },
    }


def listing(*devices: dict[str, Any]) -> dict[str, Any]:
    """What `devicectl list devices` answers."""
    return {"info": {"jsonVersion": 2, "outcome": "success"}, "result": {"devices": list(devices)}}
