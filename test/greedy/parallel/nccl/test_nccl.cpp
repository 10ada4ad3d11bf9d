// What one GPU can show of NCCL: it sends to itself, in the order of streams. Two processes cannot share a GPU.
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "greedy/parallel/nccl/nccl_link.hpp"
#include "test/support/catch.hpp"
#include "test/support/gpu.hpp"

using namespace gleam;
using namespace gleam::greedy;

namespace {

// Numbers on the device.
class Numbers {
public:
    Numbers(kernels::Operations& ops, std::int64_t count)
        : ops_(ops), memory_(ops.allocator(), ops.allocator().allocate(bytes(count)), bytes(count)), count_(count) {}
    Tensor tensor() const { return {memory_.data(), DType::f32, Shape{count_}, ops_.device()}; }
    void set(std::vector<float> values) const { ops_.copy({values.data(), DType::f32, Shape{count_}, {}}, tensor()); }
    std::vector<float> get() const {
        std::vector<float> values(static_cast<std::size_t>(count_));
        ops_.copy(tensor(), {values.data(), DType::f32, Shape{count_}, {}});
        return values;
    }

private:
    static std::size_t bytes(std::int64_t count) { return static_cast<std::size_t>(count) * sizeof(float); }
    kernels::Operations& ops_;
    Memory memory_;
    std::int64_t count_;
};

// Not what stands in for one elsewhere: NCCL knows GPUs alone.
std::unique_ptr<kernels::Operations> real_gpu() {
    auto ops = test::open_gpu();
    if (ops && ops->device().kind != DeviceKind::cuda) {
        WARN("nothing was run: this is no GPU");
        CHECK(ops->device().kind == DeviceKind::emu);
        return nullptr;
    }
    return ops;
}

}  // namespace

TEST_CASE("A GPU sends images to itself over and over, behind the operations that make them and before those that read them") {
    const auto ops = real_gpu();
    if (!ops) return;
    constexpr std::int64_t count = 1 << 22;
    nccl::Link link(*ops, nccl::new_connection(), 0, 1, std::chrono::seconds(30));
    const Numbers from(*ops, count), to(*ops, count), sum(*ops, count);
    nccl::StreamEvent written, arrived;
    ops->fill_zero(sum.tensor());
    from.set(std::vector<float>(count, 1));
    for (int i = 0; i < 20; ++i) {
        written.record(link.computing());
        written.hold_back(link.stream());
        link.group_begin();
        link.send(from.tensor().data, from.tensor().bytes(), 0);
        link.receive(to.tensor().data, to.tensor().bytes(), 0);
        link.group_end();
        arrived.record(link.stream());
        arrived.hold_back(link.computing());
        ops->add_acc(to.tensor(), sum.tensor());
        ops->linear_combination(2, to.tensor(), 0, to.tensor(), from.tensor());
    }
    // 1 + 2 + 4 + ... + 2^19
    CHECK(sum.get() == std::vector<float>(count, (1 << 20) - 1));
}

TEST_CASE("A connection that nobody else joins ends at the deadline") {
    const auto ops = real_gpu();
    if (!ops) return;
    CHECK(!nccl::gpu_name(*ops).empty());
    CHECK_THROWS_AS(nccl::Link(*ops, nccl::new_connection(), 0, 2, std::chrono::milliseconds(500)), CommunicationError);
    CHECK_THROWS_AS(nccl::Link(*ops, Letter(3), 0, 1, std::chrono::milliseconds(500)), CommunicationError);
}
