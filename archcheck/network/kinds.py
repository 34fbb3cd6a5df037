"""The kinds of operation: one short name for functions and methods of the same meaning."""

from __future__ import annotations

IN_PLACE_WRITE = "in_place"
"""The argument that marks an operation as having written into its first operand."""

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED_CONVOLUTIONS = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
LINEAR = frozenset({"linear"})
MATRIX_PRODUCTS = frozenset(
    "matmul mm bmm addmm baddbmm einsum mv dot addmv tensordot bilinear cdist".split()
)
ATTENTION = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})
CELLS = frozenset({"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"})
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


def _sizes(*names: str) -> frozenset[str]:
    return frozenset(f"{name}{dimension}d" for name in names for dimension in (1, 2, 3))


_MAX_WITH_INDICES = frozenset(f"max_pool{n}d_with_indices" for n in (1, 2, 3))
_ADAPTIVE_WITH_INDICES = frozenset(f"adaptive_max_pool{n}d_with_indices" for n in (1, 2, 3))
FRACTIONAL_POOLS = frozenset(
    f"fractional_max_pool{n}d{rest}" for n in (2, 3) for rest in ("", "_with_indices")
)
UNPOOLS = _sizes("max_unpool")
ADAPTIVE_MAX_POOLS = _sizes("adaptive_max_pool") | _ADAPTIVE_WITH_INDICES
FIXED_MAX_POOLS = _sizes("max_pool") | _MAX_WITH_INDICES
MAX_POOLS = FIXED_MAX_POOLS | ADAPTIVE_MAX_POOLS | FRACTIONAL_POOLS
FIXED_AVERAGE_POOLS = _sizes("avg_pool")
ADAPTIVE_AVERAGE_POOLS = _sizes("adaptive_avg_pool")
ADAPTIVE_POOLS = ADAPTIVE_AVERAGE_POOLS | ADAPTIVE_MAX_POOLS
LP_POOLS = _sizes("lp_pool")
FIXED_POOLS = FIXED_AVERAGE_POOLS | LP_POOLS | FIXED_MAX_POOLS
POOLS = FIXED_POOLS | ADAPTIVE_POOLS | FRACTIONAL_POOLS

NORMALIZATIONS = frozenset(
    "batch_norm instance_norm group_norm layer_norm rms_norm local_response_norm normalize".split()
)
ACTIVATIONS = frozenset(
    """relu relu6 leaky_relu rrelu prelu elu selu celu gelu silu mish softplus softsign hardswish
    hardsigmoid hardtanh hardshrink softshrink tanhshrink threshold sigmoid logsigmoid tanh
    glu softmax softmin log_softmax gumbel_softmax""".split()
)
DROPOUTS = frozenset(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout".split()
)
ARITHMETIC = frozenset(
    """add sub mul div pow neg exp log log2 log1p sqrt rsqrt square abs sign clamp clamp_min
    clamp_max maximum minimum where addcmul addcdiv lerp floor ceil round reciprocal sin cos erf
    floor_divide remainder gt lt ge le eq ne logical_and logical_or logical_not masked_fill
    hypot atan2 sinh cosh asinh acosh atanh tan asin acos atan expm1 exp2 log10 erfc erfinv
    logit xlogy fmod trunc frac sgn copysign logaddexp heaviside signbit isfinite isclose
    positive real imag conj resolve_conj angle complex polar sinc logaddexp2 bucketize isin
    float_power fmax fmin bernoulli digamma lgamma deg2rad rad2deg logical_xor bitwise_xor
    nan_to_num bitwise_and bitwise_or bitwise_not isnan isinf tril triu""".split()
)
COPIES = frozenset(
    """contiguous clone detach to float half double bfloat16 type type_as cpu cuda identity alias
    view_as_self requires_grad_ int long bool data
    as_tensor tensor byte short char""".split()
)
VIEWS = frozenset(
    """reshape view flatten unflatten permute transpose swapaxes movedim squeeze unsqueeze expand
    expand_as reshape_as view_as chunk split tensor_split unbind narrow select getitem flip roll
    repeat tile repeat_interleave tensor_unfold pixel_shuffle pixel_unshuffle channel_shuffle
    t mT T numpy_T fliplr flipud rot90 diagonal broadcast_tensors diff hsplit vsplit dsplit
    index_select gather take_along_dim take masked_select fftshift ifftshift view_as_complex
    view_as_real reversed""".split()
)
JOINS = frozenset("cat stack hstack vstack dstack column_stack".split())
REDUCTIONS = frozenset(
    """mean sum prod amax amin max min var std norm vector_norm logsumexp argmax argmin all
    any median nanmean nansum var_mean std_mean count_nonzero aminmax kthvalue mode quantile
    nanquantile nanmedian matrix_norm frobenius_norm""".split()
)
WINDOW_VIEWS = frozenset({"unfold", "fold"})
RESAMPLING = frozenset({"interpolate", "upsample"})
SAMPLING = UNPOOLS | {"grid_sample", "affine_grid"}
SPECTRA = frozenset(
    """fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 hfft2 ihfft2 fftn ifftn rfftn irfftn
    hfftn ihfftn""".split()
)
"""Fourier transforms; what they cost is not counted."""
PADDING = frozenset({"pad"})
WRITES = frozenset(
    """setitem index_put index_add index_copy index_fill scatter scatter_add
    scatter_reduce copy fill zero""".split()
)
FACTORIES = frozenset(
    """zeros ones full empty rand randn randint arange linspace eye zeros_like ones_like
    full_like empty_like rand_like randn_like new_zeros new_ones new_full new_empty new_tensor
    scalar_tensor tril_indices triu_indices""".split()
)
TEMPLATES = frozenset({"expand_as", "reshape_as", "view_as", "type_as", "to"})
"""The kinds whose second tensor lends its shape or type only, none of its values."""
MASKING = ATTENTION | frozenset(
    "add sub masked_fill where maximum max clamp clamp_min addmm baddbmm".split()
)
"""The kinds by which a constant mask closes paths."""
INDEXING = frozenset(
    """getitem setitem index_select gather take_along_dim take index_put index_add index_copy
    grid_sample index_fill scatter scatter_add scatter_reduce masked_fill where masked_select
    scaled_dot_product_attention multi_head_attention_forward embedding one_hot
    repeat_interleave""".split()
)
"""The kinds whose constant indices say where values go."""
RUNNING = frozenset("cumsum cumprod cummax cummin logcumsumexp".split())
"""The scans that read no further than to their own position."""
SCANS = RUNNING | {"sort", "argsort", "topk", "msort"}
EMBEDDINGS = frozenset({"embedding", "one_hot"})
SIMILARITIES = frozenset({"cosine_similarity", "pairwise_distance", "cross", "outer"})
WEIGHT_TRANSFORMS = frozenset({"weight_norm", "_weight_norm"})
ESCAPE = "escape"
"""The kind that stands for a value taken out of the graph into Python."""
STRUCTURE = frozenset({"alias_write", ESCAPE})

COSTLY = (
    CONVOLUTIONS
    | TRANSPOSED_CONVOLUTIONS
    | LINEAR
    | MATRIX_PRODUCTS
    | ATTENTION
    | RECURRENT
    | CELLS
)
"""The kinds whose multiply-accumulates are counted."""

FREE = (
    POOLS
    | NORMALIZATIONS
    | ACTIVATIONS
    | DROPOUTS
    | ARITHMETIC
    | COPIES
    | VIEWS
    | JOINS
    | REDUCTIONS
    | WINDOW_VIEWS
    | RESAMPLING
    | SAMPLING
    | PADDING
    | FACTORIES
    | SCANS
    | SIMILARITIES
    | EMBEDDINGS
    | WEIGHT_TRANSFORMS
    | STRUCTURE
    | WRITES
)
"""The kinds that, by convention, cost no multiply-accumulates."""

KNOWN = COSTLY | FREE | SPECTRA
"""All kinds whose meaning is known."""

LAYER_KINDS = (
    (COSTLY | POOLS | NORMALIZATIONS | RESAMPLING | JOINS | EMBEDDINGS | REDUCTIONS)
    | (ACTIVATIONS - {"glu"})
    | frozenset({"add", "mul", "pad"})
)
"""The functions that, called outside a layer, get a row of their own in a layer table."""

_ALIASES = {
    "subtract": "sub",
    "rsub": "sub",
    "multiply": "mul",
    "divide": "div",
    "truediv": "div",
    "true_divide": "div",
    "rdiv": "div",
    "floordiv": "floor_divide",
    "negative": "neg",
    "concat": "cat",
    "row_stack": "vstack",
    "ravel": "flatten",
    "xor": "bitwise_xor",
    "greater_equal": "ge",
    "less_equal": "le",
    "not_equal": "ne",
    "grid_sampler": "grid_sample",
    "feature_dropout": "dropout2d",
    "unsafe_chunk": "chunk",
    "unsafe_split": "split",
    "split_with_sizes": "split",
    "adjoint": "mT",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsin": "asin",
    "arccos": "acos",
    "fix": "trunc",
    "special_expit": "sigmoid",
    "expit": "sigmoid",
    "ger": "outer",
    "concatenate": "cat",
    "moveaxis": "movedim",
    "swapdims": "transpose",
    "swapaxes": "transpose",
    "absolute": "abs",
    "clip": "clamp",
    "broadcast_to": "expand",
    "greater": "gt",
    "less": "lt",
    "mod": "remainder",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "invert": "bitwise_not",
    "upsample_nearest": "interpolate",
    "upsample_bilinear": "interpolate",
    "H": "mT",
    "spmm": "mm",  # torch.mm goes by this name among torch's overridable functions
}
_REFLECTED = frozenset("add sub mul div truediv matmul pow floordiv mod and or".split())


def kind_of(function: str) -> tuple[str, bool]:
    """The kind of a function by its public name, and whether the name says "in place".

    >>> kind_of("torch.Tensor.__radd__")
    ('add', False)
    >>> kind_of("torch.nn.functional.relu_")
    ('relu', True)
    """
    owner, _, name = function.rpartition(".")
    in_place = False
    if name == "__get__":  # a property, such as Tensor.T
        name = owner.rpartition(".")[2]
    elif name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name == "setitem":
            in_place = True
        elif name[0] == "i" and name[1:] in _REFLECTED:
            name, in_place = name[1:], True
        elif name[0] == "r" and name[1:] in _REFLECTED:
            name = name[1:]
    elif name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
        name, in_place = name[:-1], True
    if name == "unfold" and owner.endswith("Tensor"):
        name = "tensor_unfold"
    return _ALIASES.get(name, name), in_place
