"""Cross-correlation by FFT: how well a template lies on an image at each shift, and which shift is best.

Arrays are float (..., h, w), float32 or float64; leading axes are broadcast, so that one template meets many
images at once. Pictures are padded with zeros: nothing wraps around.
"""

import numpy as np
from scipy import fft

_FLAT = 1e-5
"""Share of its energy that an image must have within the overlap, else it is flat there."""


def _spectrum(images: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(fft.rfft2(images, shape))


def _padded(image: np.ndarray, template: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size of the full correlation, and the next one that is fast to transform."""
    rows, columns = (image.shape[axis] + template.shape[axis] - 1 for axis in (-2, -1))
    return (rows, columns), (fft.next_fast_len(rows, True), fft.next_fast_len(columns, True))


def cross_correlation(image: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Correlate at every shift at which the two overlap, by the convolution theorem.

    Parameters
    ----------
    image : float (..., h, w)
    template : float (..., k, l)

    Returns
    -------
    float (..., h + k - 1, w + l - 1)
        At (i, j) the sum of the products where the template's first pixel lies on the pixel
        (i - k + 1, j - l + 1) of the image, as in `scipy.signal.correlate`.
    """
    (rows, columns), shape = _padded(image, template)
    product = _spectrum(image, shape) * _spectrum(template[..., ::-1, ::-1], shape)
    return np.asarray(fft.irfft2(product, shape))[..., :rows, :columns]


def normalised_correlation(
    image: np.ndarray,
    template: np.ndarray,
    *,
    image_mask: np.ndarray | None = None,
    template_mask: np.ndarray | None = None,
    overlap: float = 0.3,
) -> np.ndarray:
    """Return Pearson's correlation of image and template at every shift, within the overlap of their masks.

    Parameters
    ----------
    image : float (..., h, w)
    template : float (..., k, l)
    image_mask, template_mask : bool, optional
        Of the same shapes: which pixels count; all of them without it.
    overlap : float in [0, 1]
        Share of the largest overlap below which a shift counts for nothing.

    Returns
    -------
    float (..., h + k - 1, w + l - 1) in [-1, 1]
        In the order of `cross_correlation`; 0 where either is flat, or the overlap too small.

    References
    ----------
    D. Padfield, "Masked object registration in the Fourier domain", IEEE TIP 2012.
    """
    (rows, columns), shape = _padded(image, template)

    def spectra(pixels: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, ...]:
        counted = np.ones_like(pixels) if mask is None else mask.astype(pixels.dtype)
        return tuple(_spectrum(each * counted, shape) for each in (counted, pixels, pixels**2))

    def correlated(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.asarray(fft.irfft2(first * second, shape))[..., :rows, :columns]

    flipped = None if template_mask is None else template_mask[..., ::-1, ::-1]
    ours, image_sum, image_squares = spectra(image, image_mask)
    theirs, template_sum, template_squares = spectra(template[..., ::-1, ::-1], flipped)
    count = np.maximum(np.rint(correlated(ours, theirs)), 1)
    image_sums, template_sums = correlated(image_sum, theirs), correlated(ours, template_sum)
    covariance = correlated(image_sum, template_sum) - image_sums * template_sums / count
    image_energy, template_energy = correlated(image_squares, theirs), correlated(ours, template_squares)
    variances = [image_energy - image_sums**2 / count, template_energy - template_sums**2 / count]
    floors = [_FLAT * energy.max(axis=(-2, -1), keepdims=True) for energy in (image_energy, template_energy)]
    usable = count >= overlap * count.max(axis=(-2, -1), keepdims=True)
    for variance, floor in zip(variances, floors, strict=True):
        usable = usable & (variance > floor)
    norm = np.sqrt(np.where(usable, variances[0] * variances[1], 1))
    return np.clip(np.where(usable, covariance / norm, 0), -1, 1)


def best_shift(scores: np.ndarray, template: tuple[int, ...]) -> np.ndarray:
    """Return the shift at which a correlation is highest.

    Parameters
    ----------
    scores : float (..., h + k - 1, w + l - 1)
    template : tuple of int
        The template's shape, which ends with k, l.

    Returns
    -------
    int (..., 2)
        Row and column of the image that the template's first pixel lies on.
    """
    place = scores.reshape(*scores.shape[:-2], -1).argmax(axis=-1)
    return np.stack(np.unravel_index(place, scores.shape[-2:]), axis=-1) - np.subtract(template[-2:], 1)


def correlation_nearby(fixed: np.ndarray, moving: np.ndarray, *, reach: tuple[int, int]) -> np.ndarray:
    """Correlate pictures of one size at short shifts, which costs less than at all of them.

    Parameters
    ----------
    fixed, moving : float (..., c, h, w)
        The correlations of the channels are added.
    reach : tuple of int
        The longest shifts, down or up and to the right or left, in pixels.

    Returns
    -------
    float (..., 2 * reach[0] + 1, 2 * reach[1] + 1)
        `moving` is shifted by -reach to reach, down and to the right; the middle is no shift.
    """
    rows, columns = (
        fft.next_fast_len(side + most, True) for side, most in zip(fixed.shape[-2:], reach, strict=True)
    )
    spectra = _spectrum(fixed, (rows, columns)), _spectrum(moving, (rows, columns))
    product = (spectra[0] * np.conj(spectra[1])).sum(axis=-3)
    down, right = (np.arange(-most, most + 1) for most in reach)
    return np.asarray(fft.irfft2(product, (rows, columns)))[..., down[:, None], right]


def translation(
    fixed: np.ndarray, moving: np.ndarray, *, reach: tuple[int, int], upsample: int = 1
) -> np.ndarray:
    """Return by how much a picture must be moved to lie best on another of the same size.

    Parameters
    ----------
    fixed, moving : float (c, h, w)
    reach : tuple of int
        As in `correlation_nearby`.
    upsample : int
        The shift is found to this fraction of a pixel.

    Returns
    -------
    float64 (2,)
        Down and to the right, in pixels.

    References
    ----------
    M. Guizar-Sicairos, S. Thurman, J. Fienup, "Efficient subpixel image registration algorithms", Optics
    Letters 2008: the correlation is upsampled by a product of matrices, about its highest pixel alone.
    """
    scores = correlation_nearby(fixed, moving, reach=reach)
    coarse = np.array(np.unravel_index(scores.argmax(), scores.shape)) - reach
    if upsample == 1:
        return coarse.astype(np.float64)
    longest = zip(fixed.shape[-2:], reach, strict=True)
    shape = [fft.next_fast_len(side + most + 1) for side, most in longest]  # a fraction wraps as little
    spectrum = (fft.fft2(fixed, shape) * np.conj(fft.fft2(moving, shape))).sum(axis=0)
    steps = np.arange(-upsample, upsample + 1) / upsample
    down, right = (
        np.exp(2j * np.pi * np.outer(start + steps, fft.fftfreq(side)))
        for start, side in zip(coarse, shape, strict=True)
    )
    fine = (down @ spectrum @ right.T).real
    return coarse + steps[np.array(np.unravel_index(fine.argmax(), fine.shape))]
