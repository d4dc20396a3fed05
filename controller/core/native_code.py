"""What native code is built for, told by the first bytes of its file."""

FIRST_BYTES = 20

# ELF-64 object file format, version 1.5, e_machine, and the supplements of the two architectures.
_MACHINES = {3: "i386", 40: "32-bit arm", 62: "x86_64", 183: "arm64"}
_ELSEWHERE = {
    **dict.fromkeys((b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"), "macOS"),  # mach-o/loader.h
    b"MZ": "Windows",
}


def built_for(first: bytes) -> str | None:
    """Return the architecture, as Lambda spells it, or the system that a file is for; None if neither shows."""
    if first.startswith(b"\x7fELF") and len(first) >= FIRST_BYTES:
        order = "big" if first[5] == 2 else "little"  # EI_DATA
        return _MACHINES.get(int.from_bytes(first[18:20], order))  # type: ignore[arg-type]
    return next((system for magic, system in _ELSEWHERE.items() if first.startswith(magic)), None)
