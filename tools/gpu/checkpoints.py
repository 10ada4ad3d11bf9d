"""Whether two checkpoints hold the same bits. HDF5 notes in every object header when the object was made; that is left out, with
the header's checksum. Python's standard library cannot read HDF5, so headers are found by their signature."""

SIGNATURE = b"OHDR"
TIMES, PHASES = 0x20, 0x10  # flags of a header: it has four times, it has limits for its attributes


def timeless(content):
    """The bytes of a file without the times in its object headers (version 2) and the checksums of these."""
    kept = bytearray(content)
    at = content.find(SIGNATURE)
    while at >= 0:
        version, flags = content[at + 4], content[at + 5]
        if version == 2 and flags & TIMES:
            kept[at + 6 : at + 22] = bytes(16)
            size_at = at + 22 + (4 if flags & PHASES else 0)
            width = 1 << (flags & 3)
            size = int.from_bytes(content[size_at : size_at + width], "little")
            checksum = size_at + width + size
            kept[checksum : checksum + 4] = bytes(4)
        at = content.find(SIGNATURE, at + 1)
    return bytes(kept[: len(content)])


def differences(first, second):
    """How many bytes of two files differ; more than none where they are of different lengths."""
    contents = []
    for path in (first, second):
        with open(path, "rb") as f:
            contents.append(timeless(f.read()))
    a, b = contents
    if len(a) != len(b):
        return max(1, abs(len(a) - len(b)))
    return 0 if a == b else sum(x != y for x, y in zip(a, b))

