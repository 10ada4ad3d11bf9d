#include "greedy/trace.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/log.hpp"
#include "greedy/device_batch.hpp"

namespace gleam::greedy {
namespace {

using Complex = std::complex<double>;

NetworkOptions with_tf32(NetworkOptions options, bool tf32) {
    options.tf32 = tf32;
    return options;
}

class Tracer {
public:
    Tracer(const TraceCase& input, const fs::path& output, const TraceOptions& options, kernels::Operations& ops)
        : case_(input),
          options_(options),
          ops_(ops),
          network_(with_tf32(input.network_options(options.precision), options.tf32), ops.device(),
                   {.gradients = true, .moments = 2}),
          memory_(ops, network_.options().tf32),
          batch_(ops, options.precision),
          schedule_(make_schedule(input.strategy(), network_, memory_, {{kernels::LossKind::l1, 1}})),
          out_(output) {
        scratch_.serve_on_demand(ops.allocator());
        case_.echo(out_);
        out_.set_attribute("/", "dtype", options.precision == DType::f64 ? "f64" : "f32");
    }

    void run() {
        prepare();
        const auto steps = static_cast<std::int64_t>(case_.batches().size());
        for (std::int64_t k = 0; k < steps; ++k) step(k, !options_.last_only || k + 1 == steps);
        write_parameters("final/weights", false);
        write_unrolls("final", batch_of(case_.batches().back()));
        out_.commit();
    }

private:
    // Memory, initial weights, and the operators by themselves.
    void prepare() {
        const TraceCase::Inputs in = case_.inputs(case_.batches().front());
        ops_.set_planning(true);
        schedule_->step(batch_.plan({in.maps.shape, in.target.shape}), {case_.optimizer(1)});
        ops_.set_planning(false);
        network_.materialize(ops_, static_cast<std::uint64_t>(case_.config().seed));
        memory_.grant();
        batch_.grant();
        if (case_.has_weights()) load_weights();
        write_references(batch_of(case_.batches().front()), in);
    }

    kernels::Fourier fourier(const Batch& batch) const { return {batch.sense.rank, case_.config().fft_centered}; }

    // Loads the samples; zero_filled = A^H (mask k-space), computed in the precision of the run.
    Batch batch_of(const std::vector<std::int64_t>& samples) {
        const TraceCase::Inputs in = case_.inputs(samples);
        BatchSource source{in.maps.view(), in.mask.view(), in.target.view(), in.target.view(), case_.config().fft_centered};
        const Batch batch = batch_.load(source);
        const auto [kspace, lease] = lend(in.kspace.shape, batch.zero_filled);
        ops_.copy(in.kspace.view(), kspace);
        ops_.mask_multiply(batch.mask, kspace);
        modules::sense_adjoint(ops_, kspace, batch.sense.maps, batch.mask, fourier(batch), batch.zero_filled, scratch_);
        return batch;
    }

    void load_weights() {
        for (Stage& stage : network_.stages())
            for (const ParameterPack::Entry& entry : stage.parameters().entries())
                ops_.copy(case_.weight(entry.name, entry.shape).view(), stage.parameters().value(entry));
    }

    void step(std::int64_t k, bool everything) {
        const std::string group = fmt::format("step{}", k);
        const Batch batch = batch_of(case_.batches()[static_cast<std::size_t>(k)]);
        if (everything && case_.writes_inputs())
            schedule_->observe([&](int unroll, const Tensor& input) {
                write_image(fmt::format("{}/unroll{}/recovered_input", group, unroll), input, false);
            });
        schedule_->begin();
        schedule_->accumulate(batch, 1);
        if (everything) {
            write_image(group + "/zf", batch.zero_filled, false);
            write_unrolls(group, batch);
            write_parameters(group + "/grads", true);
        }
        schedule_->update({case_.optimizer(k + 1)});
        const std::vector<double> losses = schedule_->losses();
        out_.write(group + "/loss", Shape{static_cast<std::int64_t>(losses.size())}, losses.data());
        if (everything) write_parameters(group + "/weights", false);
        log_info("step {}  loss {:.6g}", k, fmt::join(losses, " "));
    }

    // What every unroll makes of the batch, with the present weights.
    void write_unrolls(const std::string& group, const Batch& batch) {
        Tape tape(scratch_, false);
        modules::Context context{ops_, tape, scratch_};
        Var x = tape.constant(batch.zero_filled);
        for (const Stage& stage : network_.stages())
            for (int i = 0; i < stage.unrolls(); ++i) {
                x = stage.unroll(i).forward(context, stage.parameters(), x, batch.sense, batch.zero_filled);
                write_image(fmt::format("{}/unroll{}/output", group, stage.first_unroll() + i), x.tensor(), false);
            }
    }

    void write_references(const Batch& batch, const TraceCase::Inputs& in) {
        write_image("ref/zf", batch.zero_filled, false);
        const auto [coils, coil_lease] = lend(in.kspace.shape, batch.zero_filled);
        modules::sense_forward(ops_, batch.target, batch.sense.maps, batch.mask, fourier(batch), coils, scratch_);
        write_image("ref/A_target", coils, true);
        const auto [image, image_lease] = lend(batch.target.shape, batch.zero_filled);
        batch.sense.normal(ops_, batch.target, {}, image, scratch_);
        write_image("ref/AHA_target", image, false);
        Tape tape(scratch_, false);
        modules::Context context{ops_, tape, scratch_};
        const Stage& first = network_.stages().front();
        write_image("ref/resnet0_zf",
                    first.unroll(0).regularize(context, first.parameters(), tape.constant(batch.zero_filled)).tensor(), false);
    }

    void write_parameters(const std::string& group, bool gradients) {
        for (const Stage& stage : network_.stages()) {
            const ParameterPack& pack = stage.parameters();
            for (std::size_t i = 0; i < pack.entries().size(); ++i) {
                const Parameter parameter = pack.parameter(static_cast<int>(i));
                Array<double> host(pack.entries()[i].shape);
                ops_.copy(gradients ? parameter.gradient : parameter.value, host.view());
                if (case_.config().ndim == 2 && host.shape.rank() == 5)
                    host.shape = Shape{host.shape[0], host.shape[1], host.shape[3], host.shape[4]};
                out_.write(group + "/" + pack.entries()[i].name, host);
            }
        }
    }

    void write_image(const std::string& name, const Tensor& image, bool coils) {
        Array<Complex> host(image.shape);
        ops_.copy(image, host.view());
        host = case_.stored(std::move(host), coils);
        Shape pairs = host.shape;
        pairs.append(2);
        out_.write(name, pairs, reinterpret_cast<const double*>(host.data()));
    }

    // Scratch memory of this shape, of the kind of `like`.
    std::pair<Tensor, Lease> lend(const Shape& shape, const Tensor& like) {
        Tensor t{nullptr, like.dtype, shape, like.device};
        Lease lease = scratch_.acquire("trace", t.bytes());
        t.data = lease.data();
        return {t, std::move(lease)};
    }

    const TraceCase& case_;
    TraceOptions options_;
    kernels::Operations& ops_;
    Network network_;
    StepMemory memory_;
    DeviceBatch batch_;
    std::unique_ptr<Schedule> schedule_;
    data::Hdf5Writer out_;
    Arena scratch_{"trace"};
};

}  // namespace

void trace(const TraceCase& input, const fs::path& output, const TraceOptions& options, kernels::Operations& ops) {
    Tracer(input, output, options, ops).run();
}

}  // namespace gleam::greedy
