"""The table of operations: every function of torch whose meaning is known.

A row holds the operations of one family whose arguments have the same names. The sets of kinds
in :mod:`archcheck.network.kinds` follow from it. What an operation does to fields, what it costs
and what shape its result has are functions, each where it belongs.
"""

from __future__ import annotations

import msgspec

COUNTED, FREE, NOT_COUNTED = "counted", "free", "not counted"
"""What an operation costs: multiply-accumulates, none by convention, or a number not known."""
ONE, SEVERAL = 1, 2
"""How many tensors an elementwise operation reads."""


class Family(msgspec.Struct, frozen=True):
    """Operations of the same sort.

    ``layer`` says whether an operation called outside of torch's layers has a row of its own in a
    layer table.
    """

    name: str
    cost: str = FREE
    layer: bool = False


class Row(msgspec.Struct, frozen=True):
    """Operations of one family whose arguments have the same names.

    ``kinds`` are short names separated by spaces; ``sub|subtract|rsub`` are three names of one
    kind, which is called by the first. ``arguments`` are the names of the positional arguments,
    the last one ``*shape`` if it takes all that are left; where they are missing, Python's own
    signature of the function is used.
    """

    kinds: str
    family: Family
    arguments: str = ""
    elementwise: int = 0
    """How many tensors it combines, each element with those at its place, broadcast: :data:`ONE`,
    :data:`SEVERAL`, or 0 if it is not elementwise."""
    masks: bool = False
    """Whether a constant mask among its arguments closes paths."""
    indexes: bool = False
    """Whether constant indices among its arguments say where values go."""
    template: bool = False
    """Whether its second tensor provides only its shape or type, not its values."""
    layer: bool | None = None
    """Whether it has a row in a layer table, where that differs from its family."""
    method: str = ""
    """The method's arguments, where their order differs from the function's."""


CONVOLUTION = Family("convolution", COUNTED, layer=True)
TRANSPOSED_CONVOLUTION = Family("transposed convolution", COUNTED, layer=True)
LINEAR = Family("linear", COUNTED, layer=True)
MATRIX_PRODUCT = Family("matrix product", COUNTED, layer=True)
UNFOLLOWED_LAYER = Family("unfollowed layer", COUNTED, layer=True)
"""It costs what a layer does, but which elements meet is a matter of values."""
ATTENTION = Family("attention", COUNTED, layer=True)
RECURRENT = Family("recurrent", COUNTED, layer=True)
CELL = Family("cell", COUNTED, layer=True)
MAX_POOL = Family("max pool", layer=True)
AVERAGE_POOL = Family("average pool", layer=True)
LP_POOL = Family("lp pool", layer=True)
ADAPTIVE_MAX_POOL = Family("adaptive max pool", layer=True)
ADAPTIVE_AVERAGE_POOL = Family("adaptive average pool", layer=True)
FRACTIONAL_POOL = Family("fractional pool", layer=True)
NORMALIZATION = Family("normalization", layer=True)
ACTIVATION = Family("activation", layer=True)
RESAMPLING = Family("resampling", layer=True)
PADDING = Family("padding", layer=True)
JOIN = Family("join", layer=True)
EMBEDDING = Family("embedding", layer=True)
REDUCTION = Family("reduction", layer=True)
DROPOUT = Family("dropout")
ARITHMETIC = Family("arithmetic")
COPY = Family("copy")
VIEW = Family("view")
WINDOW_VIEW = Family("window view")
UNPOOL = Family("unpool")
SAMPLING = Family("sampling")
RUNNING_SCAN = Family("running scan")
"""A scan that reads no further than its own position."""
SORT = Family("sort")
SIMILARITY = Family("similarity")
SPECTRUM = Family("spectrum", NOT_COUNTED)
SEARCH = Family("search")
"""What it reads is a matter of values: its fields are not modelled."""
REARRANGEMENT = Family("rearrangement")
"""It moves values, as views do, in a way whose fields are not modelled."""
WRITE = Family("write")
FACTORY = Family("factory")
"""It makes a constant; a tensor argument provides only its shape and type."""
WEIGHT_TRANSFORM = Family("weight transform")
PACKING = Family("packing")
"""Sequences of several lengths, put one behind the other step by step, and taken apart again."""
STRUCTURE = Family("structure")
"""Not a function of torch: what the recorder notes besides the calls."""

_CONVOLUTION = "input weight bias stride padding dilation groups"
_TRANSPOSED = "input weight bias stride padding output_padding groups dilation"
_AVERAGE_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_RECURRENT = "input hx params has_biases num_layers dropout train bidirectional batch_first"
_INTERPOLATE = "input size scale_factor mode align_corners recompute_scale_factor antialias"

TABLE = (
    # -- products with weights, and of maps -----------------------------------------------------
    Row("conv1d conv2d conv3d", CONVOLUTION, _CONVOLUTION),
    Row("conv_transpose1d conv_transpose2d conv_transpose3d", TRANSPOSED_CONVOLUTION, _TRANSPOSED),
    Row("linear", LINEAR, "input weight bias"),
    Row("matmul", MATRIX_PRODUCT, "input other"),
    Row("mm|spmm bmm", MATRIX_PRODUCT, "input mat2"),  # torch.mm is overridden as torch.spmm
    Row("addmm", MATRIX_PRODUCT, "input mat1 mat2", masks=True),
    Row("baddbmm", MATRIX_PRODUCT, "input batch1 batch2", masks=True),
    Row("mv", MATRIX_PRODUCT, "input vec"),
    Row("dot vdot inner", MATRIX_PRODUCT, "input other"),
    Row("vecdot", MATRIX_PRODUCT, "x y dim"),
    Row("addmv", MATRIX_PRODUCT, "input mat vec"),
    Row("addbmm", MATRIX_PRODUCT, "input batch1 batch2"),
    Row("multi_dot|chain_matmul", MATRIX_PRODUCT, "*tensors"),
    Row("matrix_power", MATRIX_PRODUCT, "input n"),
    Row("_grouped_mm", UNFOLLOWED_LAYER, "mat_a mat_b offs bias"),
    Row("einsum", MATRIX_PRODUCT, "equation *operands"),
    Row("tensordot", MATRIX_PRODUCT, "input other dims"),
    Row("bilinear", MATRIX_PRODUCT, "input1 input2 weight bias"),
    Row("cdist", MATRIX_PRODUCT, "x1 x2 p"),
    Row(
        "deform_conv2d",  # of torchvision
        UNFOLLOWED_LAYER,
        """input weight offset mask bias stride_h stride_w pad_h pad_w dilation_h dilation_w groups
        offset_groups use_mask""",
    ),
    Row(
        "scaled_dot_product_attention",
        ATTENTION,
        "query key value attn_mask dropout_p is_causal scale",
        masks=True,
        indexes=True,
    ),
    Row("multi_head_attention_forward", ATTENTION, masks=True, indexes=True),
    Row("lstm gru rnn_tanh rnn_relu", RECURRENT, _RECURRENT),
    Row("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", CELL, "input hx w_ih w_hh b_ih b_hh"),
    # -- pools ---------------------------------------------------------------------------------
    Row(
        """max_pool1d|max_pool1d_with_indices max_pool2d|max_pool2d_with_indices
        max_pool3d|max_pool3d_with_indices""",
        MAX_POOL,
        "input kernel_size stride padding dilation ceil_mode return_indices",
    ),
    Row("avg_pool1d avg_pool2d avg_pool3d", AVERAGE_POOL, _AVERAGE_POOL),
    Row("lp_pool1d lp_pool2d lp_pool3d", LP_POOL, "input norm_type kernel_size stride ceil_mode"),
    Row(
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d",
        ADAPTIVE_AVERAGE_POOL,
        "input output_size",
    ),
    Row(
        """adaptive_max_pool1d|adaptive_max_pool1d_with_indices
        adaptive_max_pool2d|adaptive_max_pool2d_with_indices
        adaptive_max_pool3d|adaptive_max_pool3d_with_indices""",
        ADAPTIVE_MAX_POOL,
        "input output_size return_indices",
    ),
    Row(
        """fractional_max_pool2d|fractional_max_pool2d_with_indices
        fractional_max_pool3d|fractional_max_pool3d_with_indices""",
        FRACTIONAL_POOL,
        "input kernel_size output_size output_ratio return_indices",
    ),
    Row(
        "max_unpool1d max_unpool2d max_unpool3d",
        UNPOOL,
        "input indices kernel_size stride padding output_size",
    ),
    # -- normalization -------------------------------------------------------------------------
    Row("batch_norm instance_norm local_response_norm", NORMALIZATION),
    Row("group_norm", NORMALIZATION, "input num_groups weight bias eps"),
    Row("layer_norm", NORMALIZATION, "input normalized_shape weight bias eps"),
    Row("rms_norm", NORMALIZATION, "input normalized_shape weight eps"),
    Row("normalize", NORMALIZATION, "input p dim eps"),
    # -- activations ---------------------------------------------------------------------------
    Row(
        "relu relu6 selu silu mish hardswish hardsigmoid",
        ACTIVATION,
        "input inplace",
        elementwise=ONE,
    ),
    Row(
        "sigmoid|expit logsigmoid tanh softsign tanhshrink",
        ACTIVATION,
        "input",
        elementwise=ONE,
    ),
    Row("leaky_relu", ACTIVATION, "input negative_slope inplace", elementwise=ONE),
    Row("rrelu", ACTIVATION, "input lower upper training inplace", elementwise=ONE),
    Row("elu celu", ACTIVATION, "input alpha inplace", elementwise=ONE),
    Row("gelu", ACTIVATION, "input approximate", elementwise=ONE),
    Row("softplus", ACTIVATION, "input beta threshold", elementwise=ONE),
    Row("hardtanh", ACTIVATION, "input min_val max_val inplace", elementwise=ONE),
    Row("hardshrink softshrink", ACTIVATION, "input lambd", elementwise=ONE),
    Row("threshold", ACTIVATION, "input threshold value inplace", elementwise=ONE),
    Row("prelu", ACTIVATION, "input weight", elementwise=ONE),
    Row("softmax log_softmax softmin", ACTIVATION, "input dim"),
    Row("gumbel_softmax", ACTIVATION, "input tau hard eps dim"),
    Row("glu", ACTIVATION, "input dim", layer=False),
    Row(
        "dropout dropout1d dropout2d|feature_dropout dropout3d", DROPOUT, "input p training inplace"
    ),
    Row("alpha_dropout feature_alpha_dropout", DROPOUT, "input p training inplace"),
    # -- arithmetic ----------------------------------------------------------------------------
    Row("add", ARITHMETIC, "input other alpha", elementwise=SEVERAL, masks=True, layer=True),
    Row("sub|subtract|rsub", ARITHMETIC, "input other alpha", elementwise=SEVERAL, masks=True),
    Row("mul|multiply", ARITHMETIC, "input other", elementwise=SEVERAL, layer=True),
    Row(
        """div|divide|truediv|true_divide floor_divide|floordiv remainder|mod fmod fmin fmax
        minimum hypot atan2|arctan2 copysign xlogy logaddexp logaddexp2
        eq ne|not_equal gt|greater ge|greater_equal lt|less le|less_equal
        logical_and logical_or logical_xor bitwise_and|and bitwise_or|or bitwise_xor|xor""",
        ARITHMETIC,
        "input other",
        elementwise=SEVERAL,
    ),
    Row("maximum", ARITHMETIC, "input other", elementwise=SEVERAL, masks=True),
    Row("pow float_power", ARITHMETIC, "input exponent", elementwise=SEVERAL),
    Row("heaviside", ARITHMETIC, "input values", elementwise=SEVERAL),
    Row("isclose", ARITHMETIC, "input other rtol atol equal_nan", elementwise=SEVERAL),
    Row("complex", ARITHMETIC, "real imag", elementwise=SEVERAL),
    Row("polar", ARITHMETIC, "abs angle", elementwise=SEVERAL),
    Row("lerp", ARITHMETIC, "input end weight", elementwise=SEVERAL),
    Row("addcmul addcdiv", ARITHMETIC, "input tensor1 tensor2", elementwise=SEVERAL),
    Row("clamp|clip", ARITHMETIC, "input min max", elementwise=SEVERAL, masks=True),
    Row("clamp_min", ARITHMETIC, "input min", elementwise=SEVERAL, masks=True),
    Row("clamp_max", ARITHMETIC, "input max", elementwise=SEVERAL),
    Row(
        "where",
        ARITHMETIC,
        "condition input other",
        elementwise=SEVERAL,
        masks=True,
        indexes=True,
        method="input condition other",
    ),
    Row(
        "masked_fill",
        ARITHMETIC,
        "input mask value",
        elementwise=SEVERAL,
        masks=True,
        indexes=True,
    ),
    Row(
        """neg|negative positive abs|absolute sign sgn signbit square sqrt rsqrt reciprocal
        exp exp2 expm1 log log2 log10 log1p floor ceil round trunc|fix frac
        sin cos tan asin|arcsin acos|arccos atan|arctan
        sinh cosh asinh|arcsinh acosh|arccosh atanh|arctanh sinc deg2rad rad2deg
        erf erfc erfinv lgamma|gammaln digamma|psi
        isnan isinf isfinite logical_not bitwise_not|invert
        real imag angle conj resolve_conj""",
        ARITHMETIC,
        "input",
        elementwise=ONE,
    ),
    Row("logit", ARITHMETIC, "input eps", elementwise=ONE),
    Row("nan_to_num", ARITHMETIC, "input nan posinf neginf", elementwise=ONE),
    Row("bernoulli", ARITHMETIC, "input p", elementwise=ONE),
    Row("bucketize", ARITHMETIC, "input boundaries", elementwise=ONE),
    Row("isin", ARITHMETIC, "elements test_elements", elementwise=ONE),
    Row("tril triu", ARITHMETIC, "input diagonal"),
    # -- copies --------------------------------------------------------------------------------
    Row(
        """contiguous clone detach cpu cuda float half double bfloat16 int long bool byte short char
        type requires_grad_ data as_tensor tensor""",
        COPY,
        "input",
    ),
    Row("to", COPY, "input", template=True),
    Row("type_as", COPY, "input other", template=True),
    # -- views, and other rearrangements -------------------------------------------------------
    Row("view reshape", VIEW, "input *shape"),
    Row("view_as reshape_as expand_as", VIEW, "input other", template=True),
    Row("flatten|ravel", VIEW, "input start_dim end_dim"),
    Row("unflatten", VIEW, "input dim sizes"),
    Row("permute flip", VIEW, "input *dims"),
    Row("transpose|swapaxes|swapdims", VIEW, "input dim0 dim1"),
    Row("movedim|moveaxis", VIEW, "input source destination"),
    Row("t T mT|H|mH|adjoint fliplr flipud reversed", VIEW, "input"),
    Row("squeeze unsqueeze unbind", VIEW, "input dim"),
    Row("expand|broadcast_to", VIEW, "input *size"),
    Row("broadcast_tensors meshgrid", VIEW, "*tensors"),
    Row("chunk|unsafe_chunk", VIEW, "input chunks dim"),
    Row("split|split_with_sizes|unsafe_split", VIEW, "input split_size_or_sections dim"),
    Row("tensor_split", VIEW, "input indices_or_sections dim"),
    Row("hsplit vsplit dsplit", VIEW, "input indices_or_sections"),
    Row("narrow", VIEW, "input dim start length"),
    Row("select", VIEW, "input dim index"),
    Row("getitem", VIEW, "input index", indexes=True),
    Row("index_select gather", VIEW, "input dim index", indexes=True),
    Row("take", VIEW, "input index", indexes=True),
    Row("take_along_dim", VIEW, "input indices dim", indexes=True),
    Row("masked_select", VIEW, "input mask", indexes=True),
    Row("roll", VIEW, "input shifts dims"),
    Row("repeat", VIEW, "input *repeats"),
    Row("tile", VIEW, "input *dims"),
    Row("repeat_interleave", VIEW, "input repeats dim", indexes=True),
    Row("as_strided", VIEW, "input size stride storage_offset"),
    Row("tensor_unfold", VIEW, "input dimension size step"),  # Tensor.unfold
    Row("pixel_shuffle", VIEW, "input upscale_factor"),
    Row("pixel_unshuffle", VIEW, "input downscale_factor"),
    Row("channel_shuffle", VIEW, "input groups"),
    Row("rot90", VIEW, "input k dims"),
    Row("diagonal", VIEW, "input offset dim1 dim2"),
    Row("diff", VIEW, "input n dim prepend append"),
    Row("fftshift ifftshift", VIEW, "input dim"),
    Row("view_as_complex view_as_real", VIEW, "input"),
    Row("unfold", WINDOW_VIEW, "input kernel_size dilation padding stride"),  # F.unfold
    Row("fold", WINDOW_VIEW, "input output_size kernel_size dilation padding stride"),
    Row("cat|concat|concatenate stack", JOIN, "tensors dim"),
    Row("hstack vstack|row_stack dstack column_stack", JOIN, "tensors"),
    Row("diag diagflat", REARRANGEMENT, "input diagonal"),
    Row("diag_embed", REARRANGEMENT, "input offset dim1 dim2"),
    Row("block_diag cartesian_prod", REARRANGEMENT, "*tensors"),
    Row("combinations", REARRANGEMENT, "input r with_replacement"),
    Row("trace", REARRANGEMENT, "input"),
    Row("atleast_1d atleast_2d atleast_3d", REARRANGEMENT, "*tensors"),
    Row("narrow_copy", REARRANGEMENT, "input dim start length"),
    Row("as_strided_scatter", REARRANGEMENT, "input src size stride storage_offset"),
    Row("fill_diagonal", REARRANGEMENT, "input fill_value wrap"),
    # -- padding and sampling ------------------------------------------------------------------
    Row("pad", PADDING, "input pad mode value"),
    Row("interpolate|upsample|upsample_nearest|upsample_bilinear", RESAMPLING, _INTERPOLATE),
    Row(
        "grid_sample|grid_sampler",
        SAMPLING,
        "input grid mode padding_mode align_corners",
        indexes=True,
    ),
    Row("affine_grid", SAMPLING, "theta size align_corners"),
    # -- reductions and scans ------------------------------------------------------------------
    Row(
        """mean sum prod amax amin min argmax argmin all any logsumexp median nanmean nansum
        nanmedian mode""",
        REDUCTION,
        "input dim keepdim",
    ),
    Row("max", REDUCTION, "input dim keepdim", masks=True),
    Row("var std var_mean std_mean", REDUCTION, "input dim unbiased keepdim"),
    Row("norm", REDUCTION, "input p dim keepdim"),
    Row("vector_norm matrix_norm", REDUCTION, "input ord dim keepdim"),
    Row("frobenius_norm", REDUCTION, "input dim keepdim"),
    Row("kthvalue", REDUCTION, "input k dim keepdim"),
    Row("quantile nanquantile", REDUCTION, "input q dim keepdim"),
    Row("count_nonzero", REDUCTION, "input dim"),
    Row("aminmax", REDUCTION, "input"),
    Row("cumsum cumprod cummax cummin logcumsumexp", RUNNING_SCAN, "input dim"),
    Row("sort argsort", SORT, "input dim descending"),
    Row("topk", SORT, "input k dim"),
    Row("msort", SORT, "input"),
    # -- comparing, looking up, transforming ---------------------------------------------------
    Row("cosine_similarity", SIMILARITY, "x1 x2 dim eps"),
    Row("pairwise_distance", SIMILARITY, "x1 x2 p eps keepdim"),
    Row("cross", SIMILARITY, "input other dim"),
    Row("outer|ger", SIMILARITY, "input vec2"),
    Row("addr", SIMILARITY, "input vec1 vec2"),
    Row("kron", SIMILARITY, "input other"),
    Row("embedding", EMBEDDING, "input weight", indexes=True),
    Row("one_hot", EMBEDDING, "input num_classes", indexes=True),
    Row("fft ifft rfft irfft hfft ihfft", SPECTRUM, "input n dim norm"),
    Row("fft2 ifft2 rfft2 irfft2 hfft2 ihfft2", SPECTRUM, "input s dim norm"),
    Row("fftn ifftn rfftn irfftn hfftn ihfftn", SPECTRUM, "input s dim norm"),
    # -- found by values --------------------------------------------------------------------------
    Row("nonzero|argwhere", SEARCH, "input"),
    Row("unique|unique_consecutive", SEARCH, "input"),
    Row("histc", SEARCH, "input bins min max"),
    Row("bincount", SEARCH, "input weights minlength"),
    Row("searchsorted", SEARCH, "sorted_sequence input"),
    Row("multinomial", SEARCH, "input num_samples replacement"),
    Row("embedding_bag", SEARCH, "input weight offsets"),
    Row("nms", SEARCH, "boxes scores iou_threshold"),  # the last two rows are torchvision's
    Row("roi_align roi_pool ps_roi_align ps_roi_pool", SEARCH, "input boxes"),
    # -- writing -------------------------------------------------------------------------------
    Row("setitem", WRITE, "input index value", indexes=True),
    Row("index_put", WRITE, "input indices values accumulate", indexes=True),
    Row("index_add index_copy", WRITE, "input dim index source", indexes=True),
    Row("index_fill", WRITE, "input dim index value", indexes=True),
    Row("scatter scatter_add", WRITE, "input dim index src", indexes=True),
    Row("scatter_reduce", WRITE, "input dim index src reduce include_self", indexes=True),
    Row("index_reduce", WRITE, "input dim index source reduce include_self", indexes=True),
    Row("masked_scatter", WRITE, "input mask source", indexes=True),
    Row("put", WRITE, "input index source accumulate", indexes=True),
    Row("select_scatter", WRITE, "input src dim index"),
    Row("slice_scatter", WRITE, "input src dim start end step"),
    Row("diagonal_scatter", WRITE, "input src offset dim1 dim2"),
    Row("copy", WRITE, "input src"),
    Row("fill", WRITE, "input value"),
    Row("zero", WRITE, "input"),
    # -- constants, weights, and what is not a torch function ----------------------------------
    Row(
        """zeros ones full empty eye arange linspace rand randn randint scalar_tensor tril_indices
        triu_indices zeros_like ones_like full_like empty_like rand_like randn_like
        new_zeros new_ones new_full new_empty new_tensor""",
        FACTORY,
    ),
    Row("_weight_norm", WEIGHT_TRANSFORM),
    Row("_pack_padded_sequence", PACKING, "input lengths batch_first"),
    Row(
        "_pad_packed_sequence",
        PACKING,
        "input batch_sizes batch_first padding_value total_length",
    ),
    Row("alias_write escape", STRUCTURE),
)
