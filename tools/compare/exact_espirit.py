"""ESPIRiT by its definition, in double precision with numpy's full solvers: what both programs should come near to."""


def _waves(np, points, kernel):
    """e^{2 pi i lag (p - n/2) / n} of points p for the lags -(kernel - 1) .. kernel - 1."""
    at, n = points
    return np.exp(2j * np.pi * np.outer(np.asarray(at) - n // 2, np.arange(1 - kernel, kernel)) / n)


def _coupling(np, kspace, threshold, side, kernel):
    """The projection onto what patches span, summed over equal lags: [coil, coil, lag, ...], axes as in k-space [coil, ...]."""
    axes, coils = kspace.ndim - 1, kspace.shape[0]
    centre = tuple(slice((n - side + 1) // 2, (n - side + 1) // 2 + side) for n in kspace.shape[1:])
    block = kspace[(slice(None), *centre)].astype(np.complex128)
    windows = np.lib.stride_tricks.sliding_window_view(block / np.abs(block).max(), (kernel,) * axes, tuple(range(1, axes + 1)))
    patches = np.moveaxis(windows, range(1, axes + 1), range(axes + 1, 2 * axes + 1)).reshape(coils * kernel**axes, -1)
    values, vectors = np.linalg.eigh(patches @ patches.conj().T)
    space = vectors[:, values > threshold**2 * values[-1]]
    projection = (space @ space.conj().T).reshape((coils, kernel**axes) * 2)
    lags = np.zeros((coils, coils) + (2 * kernel - 1,) * axes, complex)
    for i, a in enumerate(np.ndindex((kernel,) * axes)):
        for j, b in enumerate(np.ndindex((kernel,) * axes)):
            lags[(slice(None), slice(None), *(p - q + kernel - 1 for p, q in zip(a, b)))] += projection[:, i, :, j]
    return lags / kernel**axes


def maps(np, kspace, threshold, crop, section=None, side=24, kernel=6):
    """k-space [coil, y, x], or [coil, z, y, x] and the `section` across x -> maps [coil, y, x] or [coil, z, y]; 0 below `crop`."""
    lags = _coupling(np, kspace, threshold, side, kernel)
    if section is not None:
        lags = lags @ _waves(np, ([section], kspace.shape[3]), kernel)[0]
    rows, columns = (_waves(np, (range(n), n), kernel) for n in kspace.shape[1:3])
    matrices = np.einsum("cdyx,hy,wx->hwcd", lags, rows, columns, optimize=True)
    values, vectors = np.linalg.eigh(matrices)
    return np.where(values[..., -1] > crop, np.moveaxis(vectors[..., -1], 2, 0), 0)
