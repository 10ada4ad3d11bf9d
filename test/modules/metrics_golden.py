"""Prints the numbers of test_metrics.cpp: scores by scikit-image and NumPy of images made from a formula.

Run with any Python that has numpy, scipy and scikit-image; the images are the same as those of example() in test_metrics.cpp.
"""
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity


def example(height, width, kind):
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    bar = np.where((x // 5 + y // 7) % 2 == 0, 1.0, 0.25)
    noise = ((x * 7919 + y * 104729 + x * y * 31) % 1009) / 1009.0 - 0.5
    other = ((x * 6007 + y * 15485 + x * y * 17) % 997) / 997.0 - 0.5
    target = bar * (0.6 + 0.01 * x) + 1j * (0.3 - 0.02 * y) * bar
    if kind == "noise":
        image = target + 0.2 * noise + 0.2j * other
    elif kind == "phase":
        image = target * (0.8 + 0.6j)
    elif kind == "blur":
        image = 0.5 * target + 0.25 * np.roll(target, 1, 1) + 0.25 * np.roll(target, -1, 1)
    elif kind == "unrelated":
        image = 3 * noise + 3j * other
    return image.astype(np.complex64).astype(np.complex128), target.astype(np.complex64).astype(np.complex128)


def ssim(a, b, data_range):
    if min(a.shape) >= 11:
        return structural_similarity(a, b, data_range=data_range, gaussian_weights=True, sigma=1.5,
                                     use_sample_covariance=False, K1=0.01, K2=0.03)
    # scikit-image refuses images smaller than its window: mirror there, and crop only the axes that are long enough.
    blur = lambda v: gaussian_filter(v, 1.5, truncate=3.5, mode="reflect")
    ma, mb = blur(a), blur(b)
    va, vb, vab = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    s = (2 * ma * mb + c1) * (2 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    return s[tuple(slice(5, n - 5) if n >= 11 else slice(None) for n in s.shape)].mean()


for height, width, kind in [(24, 31, "noise"), (40, 17, "phase"), (33, 64, "blur"), (20, 20, "unrelated"), (11, 11, "noise"),
                            (9, 26, "noise"), (3, 4, "blur"), (1, 15, "noise")]:
    image, target = example(height, width, kind)
    a, b = np.abs(image), np.abs(target)
    rmse, rmse_magnitude = np.sqrt(np.mean(np.abs(image - target) ** 2)), np.sqrt(np.mean((a - b) ** 2))
    peak, norm = b.max(), np.sqrt(np.mean(b ** 2))
    numbers = [20 * np.log10(peak / rmse), ssim(a, b, peak), rmse / norm]
    # A pure phase change leaves magnitudes equal to rounding: its magnitude scores are not worth storing.
    numbers += [0, 0] if kind == "phase" else [20 * np.log10(peak / rmse_magnitude), rmse_magnitude / norm]
    print("{%d, %d, \"%s\", {%s}}," % (height, width, kind, ", ".join("%.12g" % v for v in numbers)))
