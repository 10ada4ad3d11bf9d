#include "kernels/cu/library_terms.hpp"

#include <numeric>

namespace gleam::kernels::cu {

std::int64_t FourierPass::elements() const {
    return std::accumulate(extent.begin(), extent.end(), batch, [](std::int64_t n, int e) { return n * e; });
}

// Neighbouring axes that are transformed go together; those inside them are looped over by the library, those outside too where
// nothing is inside, else by calls.
std::vector<FourierPass> fourier_passes(const FourierBatch& batch) {
    struct Axis {
        std::int64_t extent;
        bool transformed;
    };
    std::vector<Axis> axes;
    for (std::size_t i = 0; i < 3; ++i)
        if (batch.extent[i] != 1) axes.push_back({batch.extent[i], batch.axes[i]});
    std::vector<FourierPass> passes;
    std::int64_t outer = batch.count;
    for (std::size_t first = 0, end = 0; first < axes.size(); first = end) {
        FourierPass pass;
        std::int64_t elements = 1, inner = 1;
        for (end = first; end < axes.size() && axes[end].transformed == axes[first].transformed; ++end) {
            pass.extent.push_back(static_cast<int>(axes[end].extent));
            elements *= axes[end].extent;
        }
        for (std::size_t i = end; i < axes.size(); ++i) inner *= axes[i].extent;
        if (axes[first].transformed) {
            if (inner == 1)
                pass.distance = elements, pass.batch = outer;
            else
                pass.stride = inner, pass.batch = inner, pass.repeats = outer, pass.step = elements * inner;
            passes.push_back(pass);
        }
        outer *= elements;
    }
    return passes;
}

bool is_matrix_product(const WideConvolution& c) {
    const Shape& w = c.weights.shape;
    return w[1] * w[2] * w[3] == 1 && c.padding == Padding{0, 0, 0};
}

// Row by row, [pixels, channels] is what BLAS calls [channels, pixels].
MatrixProduct as_matrix_product(const WideConvolution& c) {
    const std::int64_t in = c.x.shape[4], out = c.y.shape[4], pixels = c.x.elements() / in;
    switch (c.pass) {
        case ConvolutionPass::forward:
            return {true, false, out, pixels, in, in, in, out, c.weights, c.x, c.y};
        case ConvolutionPass::data:
            return {false, false, in, pixels, out, in, out, in, c.weights, c.y, c.x};
        case ConvolutionPass::weights:
            break;
    }
    return {false, true, in, out, pixels, in, out, in, c.x, c.y, c.weights};
}

}  // namespace gleam::kernels::cu
