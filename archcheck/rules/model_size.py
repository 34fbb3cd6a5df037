"""``model-size``: how many bytes the parameters take."""

from pydantic import Field

from archcheck.rules.base import (
    FROZEN_WEIGHTS,
    Baseline,
    Example,
    Rule,
    Subject,
    Verdict,
    not_verified,
    register,
)
from archcheck.rules.baseline import at_most
from archcheck.rules.options import ByteAmount, CommonOptions


class ModelSizeOptions(ByteAmount, CommonOptions):
    """How many bytes, and how many bits a weight takes."""

    bits: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Bits a weight on the device (8 after quantisation); by default as many as "
        "the parameter has now.",
    )
    buffers: bool = Field(False, description="Count buffers (running statistics) as well.")


@register
class ModelSize(Rule):
    """
    ## What it does
    Counts the bytes that the parameters take: their number times `bits`, or times the width they
    are stored in now. KB and MB are powers of 1000, KiB and MiB powers of 1024.

    ## Why it matters
    Flash and RAM of a microcontroller are given in bytes; weights are often quantised to 8 bits.

    ## Example
    ```yaml
    rules:
      model-size: {at_most: 250 KB, bits: 8}
    ```

    ## References
    - A. Chowdhery et al., "Visual Wake Words Dataset", 2019: models of at most 250 KB.
    """

    name = "model-size"
    summary = "The bytes that the parameters take at so many bits a weight."
    Options = ModelSizeOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3)", {"exactly": 896}),
        Example("nn.Conv2d(3, 8, 3)", {"exactly": 224, "bits": 8}),
    )
    fails = (Example("nn.Conv2d(3, 8, 3)", {"at_most": "800 B"}),)

    def check(self, subject: Subject, options: ModelSizeOptions) -> Verdict:
        network = subject.network
        bits = sum(p.size * (options.bits or p.bits) for p in network.parameters)
        if options.buffers:
            stored = network.buffer_bytes * 8
            bits += network.buffer_elements * options.bits if options.bits else stored
        size = (bits + 7) // 8
        width = f"{options.bits} bits a weight" if options.bits else "as stored"
        if subject.frozen and not options.settled_from(size):
            return not_verified(options.describe(), FROZEN_WEIGHTS, subject.frozen)
        return Verdict(
            status="passed" if options.holds(size) else "failed",
            found=size,
            found_text=f"{size:,} B",
            required=options.describe(),
            message=f"the weights take {size:,} bytes ({width}); {options.demand('weights')}",
            note=width,
        )

    def baseline(self, subject: Subject) -> Baseline:
        return at_most(self, subject)
