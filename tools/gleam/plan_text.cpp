#include "tools/gleam/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gleam::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string sample_text(const data::DatasetLayout& l) {
    std::string text;
    if (l.physics == data::Physics::dynamic) text = fmt::format("{} frames of ", l.frames);
    if (l.physics == data::Physics::volume) text = fmt::format("{} x ", l.depth);
    text += fmt::format("{} x {}, {} coil{}", l.height, l.width, l.coils, l.coils == 1 ? "" : "s");
    return l.sets > 1 ? text + fmt::format(", {} sets of maps", l.sets) : text;
}

double per_giga(double x) { return x / 1e9; }

std::string memory_table(const PlanResult& r) {
    std::string text = fmt::format("{:<12}{:>8}", "strategy", "modules");
    const auto first = std::find_if(r.strategies.begin(), r.strategies.end(), [](const auto& s) { return s.reason.empty(); });
    if (first == r.strategies.end()) return "";
    for (const greedy::ArenaUse& use : first->plan.arenas) text += fmt::format("{:>13}", use.name);
    text += fmt::format("{:>13}{:>13}\n", "arenas", "process");
    for (const StrategyPlan& s : r.strategies) {
        if (!s.reason.empty()) continue;
        text += fmt::format("{:<12}{:>8}", s.name, s.plan.modules);
        for (const greedy::ArenaUse& use : s.plan.arenas) text += fmt::format("{:>13}", format_bytes(use.planned));
        text += fmt::format("{:>13}{:>13}\n", format_bytes(s.plan.arena_bytes()),
                            format_bytes(greedy::program_bytes + s.plan.process_bytes(r.device)));
    }
    return text;
}

std::string work_table(const PlanResult& r) {
    std::string text = fmt::format("{:<12}{:>9}{:>9}", "per step", "GFLOP", "GB");
    if (r.ceilings) text += fmt::format("{:>11}", "seconds");
    for (kernels::WorkKind kind : kernels::work_kinds) text += fmt::format("{:>12}", kernels::name_of(kind));
    text += "\n";
    for (const StrategyPlan& s : r.strategies) {
        if (!s.reason.empty()) continue;
        const kernels::WorkLog& work = s.plan.work;
        text += fmt::format("{:<12}{:>9.4g}{:>9.4g}", s.name, per_giga(work.flops()), per_giga(work.bytes()));
        if (r.ceilings) text += fmt::format("{:>11.3g}", work.seconds(*r.ceilings));
        for (const kernels::WorkItem& kind : work.by_kind()) {
            double part = kind.flops, all = work.flops();
            if (r.ceilings) {
                part = 0, all = work.seconds(*r.ceilings);
                for (const kernels::WorkItem& item : work.items())
                    if (item.kind == kind.kind) part += item.seconds(*r.ceilings);
            }
            text += fmt::format("{:>11.1f}%", 100 * part / all);
        }
        text += "\n";
    }
    text +=
        r.ceilings ? fmt::format("Seconds: every operation at {:.4g} GFLOP/s or {:.4g} GB/s ({} threads); shares are of them.\n",
                                 r.ceilings->fma_gflops, r.ceilings->copy_gbytes_per_s, r.ceilings->threads)
        : r.device.kind != DeviceKind::cpu ? "Shares are of the operations.\n"
                                           : fmt::format("Shares are of the operations. For times, run gleam-bench-ceilings{}.\n",
                                                         r.ceilings_file.empty() ? "" : ", which writes " + r.ceilings_file);
    return text;
}

std::string limit_text(const greedy::Limit& limit) {
    if (limit.largest == 0) return "none";
    return fmt::format("{}{}", limit.largest, limit.at_least ? " or more" : "");
}

// Largest sizes that fit, one line per strategy.
std::string limit_table(const PlanResult& r, std::size_t budget) {
    const auto first = std::find_if(r.strategies.begin(), r.strategies.end(), [](const auto& s) { return !s.limits.empty(); });
    if (first == r.strategies.end()) return "";
    std::string text =
        fmt::format("\nThe largest that fits {}, each with the others as configured:\n{:<12}", format_bytes(budget), "strategy");
    for (const greedy::Limit& l : first->limits)
        text += fmt::format("{:>18}", l.key.substr(l.key.rfind('.') + 1) + fmt::format(" (now {})", l.configured));
    text += "\n";
    for (const StrategyPlan& s : r.strategies) {
        if (s.limits.empty()) continue;
        text += fmt::format("{:<12}", s.name);
        for (const greedy::Limit& l : s.limits) text += fmt::format("{:>18}", limit_text(l));
        text += s.needed <= budget ? "\n" : "   does not fit as configured\n";
    }
    return text;
}

// What to change for the configured strategy, when it does not fit.
std::string advice(const PlanResult& r, std::size_t budget) {
    const auto configured =
        std::find_if(r.strategies.begin(), r.strategies.end(), [&](const auto& s) { return s.name == r.job.training.strategy; });
    if (configured == r.strategies.end() || !configured->reason.empty() || configured->needed <= budget) return "";
    std::vector<std::string> ways;
    for (const StrategyPlan& s : r.strategies)
        if (s.reason.empty() && s.needed <= budget) ways.push_back("training.strategy=" + s.name);
    for (const greedy::Limit& l : configured->limits)
        if (l.largest > 0 && l.largest < l.configured)
            ways.push_back(l.key == "depth" ? fmt::format("volumes of {} planes", l.largest)
                                            : fmt::format("{}={}", l.key, l.largest));
    if (ways.empty()) return "\nNothing of this alone is enough: lower several of them, or the matrix size.\n";
    std::string text = fmt::format("\n{} does not fit. What would: ", r.job.training.strategy);
    for (std::size_t i = 0; i < ways.size(); ++i) text += (i ? ", or " : "") + ways[i];
    return text + ".\n";
}

Json layout_json(const data::DatasetLayout& l) {
    return {{"physics", data::name_of(l.physics)},
            {"frames", l.frames},
            {"coils", l.coils},
            {"sets", l.sets},
            {"depth", l.depth},
            {"height", l.height},
            {"width", l.width}};
}

Json work_json(const kernels::WorkLog& work, const std::optional<kernels::Ceilings>& ceilings) {
    Json json{{"flops", work.flops()}, {"bytes", work.bytes()}};
    if (ceilings) json["seconds"] = work.seconds(*ceilings);
    for (const kernels::WorkItem& item : work.by_operation()) {
        Json entry{{"kind", kernels::name_of(item.kind)}, {"calls", item.calls}, {"flops", item.flops}, {"bytes", item.bytes}};
        if (ceilings) {
            double seconds = 0;
            for (const kernels::WorkItem& i : work.items())
                if (i.operation == item.operation) seconds += i.seconds(*ceilings);
            entry["seconds"] = seconds;
        }
        json["operations"][item.operation] = entry;
    }
    return json;
}

Json strategy_json(const StrategyPlan& s, const PlanResult& r) {
    if (!s.reason.empty()) return {{"strategy", s.name}, {"applies", false}, {"reason", s.reason}};
    const greedy::JobPlan& p = s.plan;
    Json json{
        {"strategy", s.name}, {"applies", true}, {"unrolls", p.unrolls}, {"modules", p.modules}, {"parameters", p.parameters}};
    for (const greedy::ArenaUse& use : p.arenas) json["arenas"][use.name] = use.planned;
    json["arena_bytes"] = p.arena_bytes();
    json["host"] = {{"loader", p.host.loader},
                    {"step", p.host.step},
                    {"libraries", p.host.libraries},
                    {"starting", p.host.starting},
                    {"program", greedy::program_bytes}};
    json["process_growth"] = p.process_bytes(r.device);
    json["step"] = work_json(p.work, r.ceilings);
    json["needed"] = s.needed;
    json["fits"] = s.needed <= r.budget.value_or(r.available);
    for (const greedy::Limit& l : s.limits)
        json["largest"][l.key] = {{"configured", l.configured}, {"fits", l.largest}, {"at_least", l.at_least}};
    return json;
}

}  // namespace

std::string plan_text(const PlanResult& r) {
    std::string text = fmt::format("{}: {} unrolls, {}, batch {}", r.config, r.job.model.unrolls, sample_text(r.layouts.train),
                                   r.job.training.batch);
    if (r.job.training.accumulate > 1) text += fmt::format(" x {}", r.job.training.accumulate);
    const std::string where =
        r.device.kind == DeviceKind::cpu ? fmt::format("{} threads", r.threads) : fmt::format("device {}", r.device_name);
    text += fmt::format(", {} (sizes: {})\n\n{}\n{}", where, r.data, memory_table(r), work_table(r));
    if (r.device.kind != DeviceKind::cpu)
        text += fmt::format(
            "Arenas are memory of the device, which has {} in all; its driver's and libraries' own some hundred MiB come on "
            "top.\n"
            "The process is memory of the host.\n",
            format_bytes(r.available));
    for (const StrategyPlan& s : r.strategies)
        if (!s.reason.empty()) text += fmt::format("{} does not apply: {}\n", s.name, s.reason);
    const std::size_t budget = r.budget.value_or(r.available);
    text += limit_table(r, budget) + advice(r, budget);
    return r.ranks ? text + ranks_text(*r.ranks) : text;
}

std::string plan_json(const PlanResult& r) {
    Json json{{"config", r.config},
              {"sizes_from", r.data},
              {"device", r.device_name},
              {"threads", r.threads},
              {"batch", r.job.training.batch}};
    json["configured_strategy"] = r.job.training.strategy;
    json["data"] = layout_json(r.layouts.train);
    if (r.layouts.validation) json["validation"] = layout_json(*r.layouts.validation);
    json["available"] = r.available;
    if (r.budget) json["budget"] = *r.budget;
    if (r.ceilings)
        json["ceilings"] = {{"threads", r.ceilings->threads},
                            {"fma_gflops", r.ceilings->fma_gflops},
                            {"copy_gbytes_per_s", r.ceilings->copy_gbytes_per_s}};
    for (const StrategyPlan& s : r.strategies) json["strategies"].push_back(strategy_json(s, r));
    if (r.ranks) json["parallel"] = ranks_json(*r.ranks);
    return json.dump(1) + "\n";
}

}  // namespace gleam::tools
