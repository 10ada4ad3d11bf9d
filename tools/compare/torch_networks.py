"""The networks of docs/concepts.md in PyTorch: SENSE operator, PGD and MoDL unrolls, in two or three dimensions.

Images are complex [N, Z, Y, X] (Z = 1 for slices), coil maps [N, C, Z, Y, X]; networks see [N, 2, Z, Y, X] or [N, 2, Y, X].
Parameters have the names and shapes of a GLEAM checkpoint, so that load_checkpoint() can read one.
"""

import contextlib

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional

IMAGE_AXES = {"2d": (-2, -1), "3d": (-3, -2, -1)}


class Data:
    """The samples of a GLEAM data set with a stored mask, undersampled, combined and normalised as gleam does."""

    def __init__(self, path):
        with h5py.File(path) as f:
            physics = f.attrs.get("physics", b"2d")
            self.physics = physics.decode() if isinstance(physics, bytes) else physics
            if self.physics not in IMAGE_AXES:
                raise SystemExit(f"{path}: physics {self.physics} is not known to this comparison; it knows 2d and 3d")
            if "mask" not in f:
                raise SystemExit(f"{path}: has no mask; compare.py stores one in the data set")
            mask = f["mask"][:]  # [z, y, x] or [y, x], of all samples
            self.samples = [self.read(f, i, mask) for i in range(len(f["target"]))]

    def read(self, f, i, mask):
        axes = IMAGE_AXES[self.physics]
        kspace, maps, target = (f[k][i] for k in ("kspace", "maps", "target"))
        if self.physics == "2d":  # a plane of its own, as in volumes
            kspace, maps, target, mask = kspace[:, None], maps[:, None], target[None], mask[None]
        shifted = np.fft.ifftshift(kspace * mask, axes=axes)
        coils = np.fft.fftshift(np.fft.ifftn(shifted, axes=axes, norm="ortho"), axes=axes)
        zero_filled = np.sum(np.conj(maps) * coils, axis=0)
        magnitudes = np.sort(np.abs(zero_filled).ravel())
        self.scale = magnitudes[-max(1, round(0.05 * magnitudes.size))]
        # The normal operator needs no shifts when its mask is shifted once.
        shifted_mask = np.fft.ifftshift(mask, axes=axes).astype(np.float32)
        arrays = (maps, shifted_mask, (zero_filled / self.scale).astype(np.complex64), target / np.float32(self.scale))
        return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)

    def batch(self, step, size):
        """maps, mask, zero-filled images and targets of `size` samples, taken in turn."""
        chosen = [self.samples[(step * size + i) % len(self.samples)] for i in range(size)]
        return tuple(torch.stack(parts) for parts in zip(*chosen))


class Sense:
    """A = M F S, as its normal operator."""

    def __init__(self, maps, mask, physics):
        self.maps, self.conjugate, self.mask, self.axes = maps, maps.conj().resolve_conj(), mask[:, None], IMAGE_AXES[physics]

    def normal(self, x):
        k = torch.fft.fftn(self.maps * x[:, None], dim=self.axes, norm="ortho") * self.mask
        return (self.conjugate * torch.fft.ifftn(k, dim=self.axes, norm="ortho")).sum(1)


def conjugate_gradient(sense, b, x, lam, iterations):
    """(A^H A + lam) x = b by a fixed number of iterations, each sample for itself; x = None starts from 0."""

    def operator(v):
        return sense.normal(v) + lam * v

    def inner(u, v):
        return (u.conj() * v).real.sum((1, 2, 3), keepdim=True)

    r = b if x is None else b - operator(x)
    x = torch.zeros_like(b) if x is None else x
    p, rho = r, inner(r, r)
    for _ in range(iterations):
        q = operator(p)
        alpha = rho / inner(p, q)
        x, r = x + alpha * p, r - alpha * q
        rho, old = inner(r, r), rho
        p = r + rho / old * p
    return x


class Solve(torch.autograd.Function):
    """Conjugate gradient whose backward pass is one more solve with the same operator (solver_gradient: implicit)."""

    @staticmethod
    def forward(ctx, b, lam, start, sense, iterations):
        x = conjugate_gradient(sense, b, start, lam, iterations)
        ctx.sense, ctx.iterations = sense, iterations
        ctx.save_for_backward(*((x, lam) if lam.requires_grad else (None, lam)))
        return x

    @staticmethod
    def backward(ctx, g):
        x, lam = ctx.saved_tensors
        adjoint = conjugate_gradient(ctx.sense, g, None, lam, ctx.iterations)
        of_lambda = -(adjoint.conj() * x).real.sum().reshape(1) if x is not None else None
        return adjoint, of_lambda, None, None, None


class Convolution(nn.Module):
    """[activation,] border and convolution, in the dimensions of its kernel."""

    def __init__(self, out, channels, depth, kernel, border, bias=False, zero=False):
        super().__init__()
        bound = 0 if zero else 1 / np.sqrt(channels * depth * kernel * kernel)
        self.weight = nn.Parameter(torch.empty(out, channels, depth, kernel, kernel).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out).uniform_(-bound, bound)) if bias else None
        self.pad, self.border = (kernel // 2, depth // 2), border

    def forward(self, x, activated=False):
        if activated:
            x = torch.relu(x)
        weight, side, padding = self.weight, self.pad[0], self.pad
        padding = (self.pad[1], side, side) if x.dim() == 5 else (side, side)
        if x.dim() == 4:
            weight = weight.squeeze(2)
        convolve = functional.conv3d if x.dim() == 5 else functional.conv2d
        if self.border == "zero" or not any(padding):
            return convolve(x, weight, self.bias, padding=padding)
        both = [p for width in reversed(padding) for p in (width, width)]
        return convolve(functional.pad(x, both, mode=self.border), weight, self.bias)


class ResNet(nn.Module):
    """Residual blocks of two convolutions: activations before them in 2D, after them in 3D."""

    def __init__(self, options, physics):
        super().__init__()
        self.before = physics == "2d"
        border, k, depth = ("reflect", 3, 1) if self.before else ("replicate", 3, 3)
        features = options["features"]
        for j in range(options["blocks"]):
            block = nn.Module()
            block.conv0 = Convolution(features, features if j else 2, depth, k, border)
            block.conv1 = Convolution(features, features, depth, k, border)
            if j == 0 and features != 2:
                block.resample = Convolution(features, 2, 1, 1, "zero", bias=True)
            setattr(self, f"block{j}", block)
        self.blocks = options["blocks"]
        self.final = Convolution(2, features, depth, k, "zero", bias=True, zero=True)

    def forward(self, x):
        h = x
        for j in range(self.blocks):
            block = getattr(self, f"block{j}")
            u = block.conv1(block.conv0(h, self.before), True)
            u = u if self.before else torch.relu(u)
            h = u + (block.resample(h) if hasattr(block, "resample") else h)
        return self.final(h) + x


class RevNet(nn.Module):
    """A chain of convolutions, around which the input is added."""

    def __init__(self, options, physics):
        super().__init__()
        border, depth = ("reflect", 1) if physics == "2d" else ("replicate", 3)
        self.layers, f = options["layers"], options["features"]
        for k in range(self.layers):
            last = k + 1 == self.layers
            setattr(self, f"conv{k}", Convolution(2 if last else f, f if k else 2, depth, 3, border, zero=last))

    def forward(self, x):
        h = x
        for k in range(self.layers):
            h = getattr(self, f"conv{k}")(h, k > 0)
        return h + x


class Unroll(nn.Module):
    arithmetic = staticmethod(contextlib.nullcontext)  # what regularizers compute in

    def __init__(self, options, physics):
        super().__init__()
        self.options, self.physics = options, physics
        self.resnet = (ResNet if options["type"] == "resnet" else RevNet)(options, physics)
        self.gradient = options["consistency"] == "gradient"
        scalar = torch.full((1,), options["step" if self.gradient else "lambda"])
        name = "step_size" if self.gradient else "lambda_"
        if options["learned"]:
            setattr(self, name, nn.Parameter(scalar))
        else:
            self.register_buffer(name, scalar, persistent=False)

    def regularize(self, image):
        x = torch.view_as_real(image).movedim(-1, 1)  # [N, 2, Z, Y, X]
        with self.arithmetic():
            x = self.resnet(x.squeeze(2).contiguous() if self.physics == "2d" else x.contiguous()).float()
        x = x.unsqueeze(2) if self.physics == "2d" else x
        return torch.view_as_complex(x.movedim(1, -1).contiguous())

    def forward(self, x, sense, zero_filled):
        if self.gradient:
            return self.regularize(x - self.step_size * (sense.normal(x) - zero_filled))
        b = zero_filled + self.lambda_ * self.regularize(x)
        return Solve.apply(b, self.lambda_, x.detach(), sense, self.options["iterations"])


def load_checkpoint(unrolls, path):
    """Weights of a GLEAM checkpoint into `unrolls`."""
    with h5py.File(path) as f, torch.no_grad():
        for i, unroll in enumerate(unrolls):
            for name, parameter in unroll.named_parameters():
                stored = f[f"weights/unroll{i}/" + name.replace(".", "/").replace("lambda_", "lambda")][:]
                parameter.copy_(torch.from_numpy(stored).reshape(parameter.shape))
