"""The transforms of albumentations and their arguments, so that a misspelt one is reported at once.

``CURRENT`` are those of albumentations 2.0.8 (a test compares them with it), ``EARLIER`` names that
versions before took in their place.
"""

from __future__ import annotations

_CURRENT = """
AdditiveNoise: noise_type spatial_mode noise_params approximation
AdvancedBlur: blur_limit sigma_x_limit sigma_y_limit rotate_limit beta_limit noise_limit
Affine: scale translate_percent translate_px rotate shear interpolation mask_interpolation
    fit_output keep_ratio rotate_method balanced_scale border_mode fill fill_mask
AtLeastOneBBoxRandomCrop: height width erosion_factor
AutoContrast: cutoff ignore method
BBoxSafeRandomCrop: erosion_rate
Blur: blur_limit
CLAHE: clip_limit tile_grid_size
CenterCrop: height width pad_if_needed pad_position border_mode fill fill_mask
CenterCrop3D: size pad_if_needed fill fill_mask
ChannelDropout: channel_drop_range fill
ChannelShuffle:
ChromaticAberration: primary_distortion_limit secondary_distortion_limit mode interpolation
CoarseDropout: num_holes_range hole_height_range hole_width_range fill fill_mask
CoarseDropout3D: num_holes_range hole_depth_range hole_height_range hole_width_range fill
    fill_mask
ColorJitter: brightness contrast saturation hue
ConstrainedCoarseDropout: num_holes_range hole_height_range hole_width_range fill fill_mask
    mask_indices bbox_labels
Crop: x_min y_min x_max y_max pad_if_needed pad_position border_mode fill fill_mask
CropAndPad: px percent keep_size sample_independently interpolation mask_interpolation
    border_mode fill fill_mask
CropNonEmptyMaskIfExists: height width ignore_values ignore_channels
CubicSymmetry:
D4:
Defocus: radius alias_blur
Downscale: scale_range interpolation_pair
ElasticTransform: alpha sigma interpolation approximate same_dxdy mask_interpolation
    noise_distribution keypoint_remapping_method border_mode fill fill_mask
Emboss: alpha strength
Equalize: mode by_channels mask mask_params
Erasing: scale ratio fill fill_mask
FDA: reference_images beta_limit read_fn metadata_key
FancyPCA: alpha
FrequencyMasking: freq_mask_param
FromFloat: dtype max_value
GaussNoise: std_range mean_range per_channel noise_scale_factor
GaussianBlur: blur_limit sigma_limit
GlassBlur: sigma max_delta iterations mode
GridDistortion: num_steps distort_limit interpolation normalized mask_interpolation
    keypoint_remapping_method border_mode fill fill_mask
GridDropout: ratio random_offset unit_size_range holes_number_xy shift_xy fill fill_mask
GridElasticDeform: num_grid_xy magnitude interpolation mask_interpolation
HEStain: method preset intensity_scale_range intensity_shift_range augment_background
HistogramMatching: reference_images blend_ratio read_fn metadata_key
HorizontalFlip:
HueSaturationValue: hue_shift_limit sat_shift_limit val_shift_limit
ISONoise: color_shift intensity
Illumination: mode intensity_range effect_type angle_range center_range sigma_range
ImageCompression: compression_type quality_range
InvertImg:
Lambda: image mask keypoints bboxes name
LongestMaxSize: max_size max_size_hw interpolation mask_interpolation area_for_downscale
MaskDropout: max_objects fill fill_mask
MedianBlur: blur_limit
Morphological: scale operation
Mosaic: grid_yx target_size cell_shape center_range fit_mode interpolation mask_interpolation
    fill fill_mask metadata_key
MotionBlur: blur_limit allow_shifted angle_range direction_range
MultiplicativeNoise: multiplier per_channel elementwise
NoOp:
Normalize: mean std max_pixel_value normalization
OpticalDistortion: distort_limit interpolation mask_interpolation mode keypoint_remapping_method
    border_mode fill fill_mask
OverlayElements: metadata_key
Pad: padding fill fill_mask border_mode
Pad3D: padding fill fill_mask
PadIfNeeded: min_height min_width pad_height_divisor pad_width_divisor position border_mode fill
    fill_mask
PadIfNeeded3D: min_zyx pad_divisor_zyx position fill fill_mask
Perspective: scale keep_size fit_output interpolation mask_interpolation border_mode fill
    fill_mask
PiecewiseAffine: scale nb_rows nb_cols interpolation mask_interpolation absolute_scale
    keypoint_remapping_method border_mode fill fill_mask
PixelDistributionAdaptation: reference_images blend_ratio read_fn transform_type metadata_key
PixelDropout: dropout_prob per_channel drop_value mask_drop_value
PlanckianJitter: mode temperature_limit sampling_method
PlasmaBrightnessContrast: brightness_range contrast_range plasma_size roughness
PlasmaShadow: shadow_intensity_range plasma_size roughness
Posterize: num_bits
RGBShift: r_shift_limit g_shift_limit b_shift_limit
RandomBrightnessContrast: brightness_limit contrast_limit brightness_by_max ensure_safe_range
RandomCrop: height width pad_if_needed pad_position border_mode fill fill_mask
RandomCrop3D: size pad_if_needed fill fill_mask
RandomCropFromBorders: crop_left crop_right crop_top crop_bottom
RandomCropNearBBox: max_part_shift cropping_bbox_key
RandomFog: alpha_coef fog_coef_range
RandomGamma: gamma_limit
RandomGravel: gravel_roi number_of_patches
RandomGridShuffle: grid
RandomRain: slant_range drop_length drop_width drop_color blur_value brightness_coefficient
    rain_type
RandomResizedCrop: size scale ratio interpolation mask_interpolation area_for_downscale
RandomRotate90:
RandomScale: scale_limit interpolation mask_interpolation area_for_downscale
RandomShadow: shadow_roi num_shadows_limit shadow_dimension shadow_intensity_range
RandomSizedBBoxSafeCrop: height width erosion_rate interpolation mask_interpolation
RandomSizedCrop: min_max_height size w2h_ratio interpolation mask_interpolation
    area_for_downscale
RandomSnow: brightness_coeff snow_point_range method
RandomSunFlare: flare_roi src_radius src_color angle_range num_flare_circles_range method
RandomToneCurve: scale per_channel
Resize: height width interpolation mask_interpolation area_for_downscale
RingingOvershoot: blur_limit cutoff
Rotate: limit interpolation border_mode rotate_method crop_border mask_interpolation fill
    fill_mask
SafeRotate: limit interpolation border_mode rotate_method mask_interpolation fill fill_mask
SaltAndPepper: amount salt_vs_pepper
Sharpen: alpha lightness method kernel_size sigma
ShiftScaleRotate: shift_limit scale_limit rotate_limit interpolation border_mode shift_limit_x
    shift_limit_y rotate_method mask_interpolation fill fill_mask
ShotNoise: scale_range
SmallestMaxSize: max_size max_size_hw interpolation mask_interpolation area_for_downscale
Solarize: threshold_range
Spatter: mean std gauss_sigma cutout_threshold intensity mode color
SquareSymmetry:
Superpixels: p_replace n_segments max_size interpolation
TextImage: font_path stopwords augmentations fraction_range font_size_fraction_range font_color
    clear_bg metadata_key
ThinPlateSpline: scale_range num_control_points interpolation mask_interpolation
    keypoint_remapping_method border_mode fill fill_mask
TimeMasking: time_mask_param
TimeReverse:
ToFloat: max_value
ToGray: num_output_channels method
ToRGB: num_output_channels
ToSepia:
ToTensor3D:
ToTensorV2: transpose_mask
Transpose:
UnsharpMask: blur_limit sigma_limit alpha threshold
VerticalFlip:
XYMasking: num_masks_x num_masks_y mask_x_length mask_y_length fill fill_mask
ZoomBlur: max_factor step_factor
"""

_EARLIER = """
CoarseDropout: max_holes max_height max_width min_holes min_height min_width
Cutout: num_holes max_h_size max_w_size
Downscale: scale_min scale_max
ElasticTransform: alpha_affine
Flip:
GaussNoise: var_limit
ImageCompression: quality_lower quality_upper
JpegCompression: quality_lower quality_upper
RandomBrightness: limit
RandomContrast: limit
RandomCropNearBBox: max_part_shift
RandomFog: fog_coef_lower fog_coef_upper
RandomResizedCrop: height width
RandomSizedCrop: height width
"""

FILL_ALIASES = {
    "fill": ("fill_value", "value", "cval"),
    "fill_mask": ("mask_fill_value", "mask_value", "cval_mask"),
}
"""What version 2 calls a fill, and what it was called before."""
_EVERYWHERE = {"p", "always_apply", *FILL_ALIASES}.union(*FILL_ALIASES.values())
"""Arguments that most transforms take, or took."""


def _read(table: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    name = ""
    for line in table.strip().splitlines():
        head, colon, rest = line.partition(":")
        if colon:
            name, line = head, rest
        found[name] = found.get(name, frozenset()) | frozenset(line.split())
    return found


CURRENT = _read(_CURRENT)
EARLIER = _read(_EARLIER)
NAMES = tuple(sorted(CURRENT.keys() | EARLIER.keys()))


def arguments_of(name: str) -> tuple[str, ...]:
    """The names of a transform's arguments, of whatever version."""
    own = CURRENT.get(name, frozenset()) | EARLIER.get(name, frozenset())
    return tuple(sorted(own | _EVERYWHERE))
