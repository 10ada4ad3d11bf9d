#include "greedy/checkpoint.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/version.hpp"
#include "data/hdf5.hpp"

namespace gleam::greedy {
namespace {

constexpr std::int64_t format = 1;
// The flat buffers of a stage that a checkpoint holds, and the names of their groups in the file.
std::vector<std::pair<std::string, Tensor>> saved_buffers(const ParameterPack& pack) {
    std::vector<std::pair<std::string, Tensor>> all{{"weights", pack.values()}};
    const char* moment_names[] = {"first_moments", "second_moments"};
    for (std::size_t i = 0; i < pack.moments().size(); ++i) all.emplace_back(moment_names[i], pack.moments()[i]);
    if (pack.buffers().average) all.emplace_back("averaged_weights", pack.average());
    return all;
}

// f(group, name of the entry, its tensor) for every saved tensor of the network.
template <class F>
void for_each_tensor(const Network& network, F&& f) {
    for (const Stage& stage : network.stages())
        for (const auto& [group, flat] : saved_buffers(stage.parameters()))
            for (const auto& entry : stage.parameters().entries()) {
                Tensor part = flat;
                part.shape = entry.shape;
                part.data = static_cast<char*>(flat.data) + static_cast<std::size_t>(entry.offset) * size_of(flat.dtype);
                f(group, entry.name, part);
            }
}

std::int64_t integer_attribute(const data::Hdf5File& file, const char* name) {
    return static_cast<std::int64_t>(file.number_attribute("/", name));
}

}  // namespace

void for_each_saved(const Network& network, kernels::Operations& ops, const std::string& where,
                    const std::function<void(const CheckpointTensor&)>& use) {
    for_each_tensor(network, [&](const std::string& group, const std::string& entry, const Tensor& part) {
        CheckpointTensor t{group + "/" + entry, part.shape, part.dtype, std::vector<std::byte>(part.bytes())};
        const Tensor host{t.bytes.data(), part.dtype, part.shape, Device{}};
        ops.copy(part, host);
        with_real(part.dtype, [&](auto zero) {
            const auto* const v = host.as<decltype(zero)>();
            for (std::int64_t i = 0; i < host.elements(); ++i)
                if (!std::isfinite(v[i]))
                    throw NumericError(
                        where, fmt::format("'{}' would hold NaN or infinity", t.name),
                        "lower training.optimizer.learning_rate, or set training.clip_norm; the last checkpoint is intact");
        });
        use(t);
    });
}

void save_checkpoint(const fs::path& path, const Network& network, const TrainingState& state, const std::string& config,
                     kernels::Operations& ops, const CheckpointParts& others) {
    data::Hdf5Writer file(path);
    const auto write = [&](const CheckpointTensor& t) {
        with_real(t.dtype, [&](auto zero) {
            file.write(t.name, t.shape, reinterpret_cast<const decltype(zero)*>(t.bytes.data()), {0, true});
        });
    };
    for_each_saved(network, ops, path.string(), write);
    for (CheckpointTensor t; others && others(t);) write(t);
    file.write_string("config", config);
    file.set_attribute("/", "format", format);
    file.set_attribute("/", "version", version);
    file.set_attribute("/", "step", state.step);
    file.set_attribute("/", "epoch", state.epoch);
    file.set_attribute("/", "seed", std::to_string(state.seed));  // text: 64 bits do not fit a double
    file.set_attribute("/", "best_step", state.best_step);
    file.set_attribute("/", "best_psnr", state.best_psnr);
    file.set_attribute("/", "metrics_bytes", static_cast<std::int64_t>(state.metrics_bytes));
    file.commit();
}

CheckpointHeader read_checkpoint_header(const fs::path& path) {
    const data::Hdf5File file(path);
    if (!file.has_attribute("/", "format") || !file.exists("config") || !file.exists("weights"))
        throw DataError(path.string(), "is not a checkpoint of gleam", "give a last.h5 or best.h5 that `gleam train` wrote");
    if (integer_attribute(file, "format") != format)
        throw DataError(path.string(),
                        fmt::format("has checkpoint format {}, this program reads {}", integer_attribute(file, "format"), format),
                        "use the version of gleam that wrote it");
    CheckpointHeader header;
    header.config = file.read_string("config");
    header.version = file.string_attribute("/", "version");
    TrainingState& s = header.state;
    s.step = integer_attribute(file, "step");
    s.epoch = integer_attribute(file, "epoch");
    s.seed = std::strtoull(file.string_attribute("/", "seed").c_str(), nullptr, 10);
    s.best_step = integer_attribute(file, "best_step");
    s.best_psnr = file.number_attribute("/", "best_psnr");
    s.metrics_bytes = static_cast<std::uint64_t>(integer_attribute(file, "metrics_bytes"));
    return header;
}

void load_checkpoint(const fs::path& path, Network& network, kernels::Operations& ops) {
    const data::Hdf5File file(path);
    const bool use_average = !network.buffers().gradients && file.exists("averaged_weights");
    for_each_tensor(network, [&](const std::string& group, const std::string& entry, const Tensor& part) {
        const std::string name = (use_average ? "averaged_weights" : group) + "/" + entry;
        if (!file.exists(name)) throw DataError(file.where(name), "is missing", "the checkpoint belongs to another network");
        if (!(file.shape(name) == part.shape))
            throw DataError(file.where(name),
                            fmt::format("has shape {}, the network needs {}", file.shape(name).str(), part.shape.str()),
                            "the checkpoint belongs to another network");
        with_real(part.dtype, [&](auto zero) {
            const auto host = file.read<decltype(zero)>(name);
            for (auto v : host.values)
                if (!std::isfinite(v)) throw DataError(file.where(name), "holds NaN or infinity", "use an earlier checkpoint");
            ops.copy(host.view(), part);
        });
    });
}

}  // namespace gleam::greedy
