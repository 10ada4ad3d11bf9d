#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/gleam/plan_ranks.hpp"

namespace gleam::tools {
namespace {

using Json = nlohmann::ordered_json;

bool timed(const RanksResult& r) { return r.source != CostSource::operations; }

const char* name_of(CostSource source) {
    switch (source) {
        case CostSource::measured:
            return "measured";
        case CostSource::ceilings:
            return "ceilings";
        case CostSource::operations:
            return "operations";
    }
    return "?";
}

// "3", "3-4", "none"; first and last.
std::string range_text(std::int64_t a, std::int64_t b) { return a == b ? fmt::format("{}", a) : fmt::format("{}-{}", a, b); }

std::string modules_text(const RanksPlan& p) {
    const auto [least, most] = std::minmax_element(p.parts.begin(), p.parts.end(),
                                                   [](const RankPlan& a, const RankPlan& b) { return a.modules < b.modules; });
    return range_text(least->modules, most->modules);
}

std::size_t largest_process(const RanksPlan& p) {
    std::size_t bytes = 0;
    for (const RankPlan& rank : p.parts) bytes = std::max(bytes, rank.process);
    return bytes;
}

std::string seconds_text(double seconds) { return fmt::format("{:.3g}", seconds); }

std::string time_table(const RanksResult& r) {
    std::string text = fmt::format("{:>7}{:>19}{:>8}{:>14}{:>12}{:>12}", "workers", "ranks x replicas", "threads", "modules each",
                                   "process", "all");
    if (timed(r)) text += fmt::format("{:>10}", "step [s]");
    text += fmt::format("{:>10}{:>12}{:>10}{:>16}", "speed-up", "of slowest", "of ranks", "bubble [steps]");
    if (timed(r)) text += fmt::format("{:>20}", "drains");
    text += "\n";
    for (const RanksPlan& p : r.plans) {
        const greedy::Forecast& f = p.forecast;
        text += fmt::format("{:>7}{:>19}{:>8}{:>14}{:>12}{:>12}", p.workers, fmt::format("{} x {}", p.ranks, p.replicas),
                            p.threads, modules_text(p), format_bytes(largest_process(p)), format_bytes(p.all_processes()));
        if (timed(r)) text += fmt::format("{:>10}", seconds_text(f.step));
        text += fmt::format("{:>10.2f}{:>10.1f} %{:>8.1f} %{:>16.2f}", f.speedup, 100 * f.efficiency_of_slowest(),
                            100 * f.efficiency_of_ranks(), f.bubble_steps());
        if (timed(r)) text += fmt::format("{:>20}", fmt::format("{:.3g} s, {:.2g} %", f.drains, 100 * f.drain_share()));
        text += "\n";
    }
    return text;
}

bool same_needs(const RankPlan& a, const RankPlan& b) {
    const auto bytes = [](const RankPlan& rank, std::size_t arena) { return rank.plan.arenas[arena].planned; };
    bool same = a.modules == b.modules && a.links == b.links && a.process == b.process;
    for (std::size_t i = 0; same && i < a.plan.arenas.size(); ++i) same = bytes(a, i) == bytes(b, i);
    return same;
}

// Neighbours that need the same share a line.
std::string rank_lines(const RanksResult& r, const RanksPlan& p) {
    std::string text;
    for (std::size_t first = 0, end = 0; first < p.parts.size(); first = end) {
        double slowest = 0;
        for (end = first; end < p.parts.size() && same_needs(p.parts[first], p.parts[end]); ++end)
            slowest = std::max(slowest, p.forecast.ranks[end]);
        const RankPlan &a = p.parts[first], &b = p.parts[end - 1];
        text += fmt::format("{:<9}{:>12}{:>10}", first == 0 ? fmt::format("{} x {}", p.ranks, p.replicas) : "",
                            range_text(static_cast<std::int64_t>(first) + 1, static_cast<std::int64_t>(end)),
                            range_text(a.first + 1, b.first + b.modules));
        for (const greedy::ArenaUse& use : a.plan.arenas) text += fmt::format("{:>13}", format_bytes(use.planned));
        text += fmt::format("{:>12}{:>12}", format_bytes(a.links), format_bytes(a.process));
        text += timed(r) ? fmt::format("{:>10}\n", seconds_text(slowest)) : "\n";
    }
    return text;
}

std::string rank_table(const RanksResult& r) {
    std::string text = fmt::format("{:<9}{:>12}{:>10}", "", "rank", "modules");
    for (const greedy::ArenaUse& use : r.plans.front().parts.front().plan.arenas) text += fmt::format("{:>13}", use.name);
    text += fmt::format("{:>12}{:>12}", "links", "process");
    text += timed(r) ? fmt::format("{:>10}\n", "step [s]") : "\n";
    for (const RanksPlan& p : r.plans) text += rank_lines(r, p);
    return text;
}

// How more workers than modules are split, and how else they could be.
std::string choice_text(const RanksPlan& p, int modules) {
    std::string text = fmt::format(
        "{} workers are more than {} modules: {} replicas of {} rank{} step the quickest (parallel.ranks={} "
        "parallel.replicas={}), on "
        "{} times the samples",
        p.workers, modules, p.replicas, p.ranks, p.ranks == 1 ? "" : "s", p.ranks, p.replicas, p.replicas);
    std::vector<int> others;
    for (const int ranks : greedy::possible_ranks(p.workers, modules))
        if (ranks != p.ranks) others.push_back(p.workers / ranks);
    return others.empty() ? text + ".\n" : text + fmt::format("; --replicas takes others: {}.\n", fmt::join(others, ", "));
}

std::string explanation(const RanksResult& r) {
    std::string text;
    switch (r.source) {
        case CostSource::measured:
            text += "Each module was measured alone, on as many threads as a worker would have.\n";
            break;
        case CostSource::ceilings:
            text +=
                "Seconds are those of the operations at the machine's ceilings, on fewer threads in proportion; --measure "
                "measures "
                "modules.\n";
            break;
        case CostSource::operations:
            text += "Modules are compared by their operations; for times, give --measure or run gleam-bench-ceilings.\n";
            break;
    }
    if (r.cores) text += fmt::format("The workers share {} core{} (--cores).", r.cores, r.cores == 1 ? "" : "s");
    if (r.bandwidth > 0)
        text += fmt::format(" Images and gradients travel at {:.4g} GB/s (--bandwidth).", r.bandwidth / 1e9);
    else if (timed(r))
        text += " What travels takes no time here (--bandwidth).";
    if (!text.ends_with('\n')) text += "\n";
    text += r.validations_every
                ? fmt::format("A pipeline runs empty at every validation ({} steps) and at the end", r.validations_every)
                : "A pipeline runs empty at the end";
    return text +
           "; a bubble is how long ranks then idle before and after.\n"
           "Speed-up: samples per second against one rank of as many threads.\n";
}

}  // namespace

std::string ranks_text(const RanksResult& r) {
    std::string text = "\nGreedy training by several workers:\n" + time_table(r) + rank_table(r);
    for (const RanksPlan& p : r.plans)
        if (p.chosen) text += choice_text(p, r.modules);
    return text + explanation(r);
}

nlohmann::ordered_json ranks_json(const RanksResult& r) {
    Json json{{"costs", name_of(r.source)}, {"modules", r.modules}};
    if (r.cores) json["cores"] = r.cores;
    if (r.bandwidth > 0) json["bandwidth"] = r.bandwidth;
    for (const RanksPlan& p : r.plans) {
        const greedy::Forecast& f = p.forecast;
        Json plan{{"workers", p.workers},     {"ranks", p.ranks},         {"replicas", p.replicas}, {"threads", p.threads},
                  {"placement", p.placement}, {"all", p.all_processes()}, {"speedup", f.speedup}};
        plan["efficiency"] = {{"of_slowest", f.efficiency_of_slowest()}, {"of_ranks", f.efficiency_of_ranks()}};
        plan["bubble_steps"] = f.bubble_steps();
        plan["cuts"] = f.cuts;
        plan["drain_share"] = f.drain_share();
        plan["hand_off_bytes"] = p.costs.image_bytes;
        if (timed(r))
            plan["seconds"] = {{"modules", p.costs.modules}, {"step", f.step},     {"slowest", f.slowest},
                               {"one_rank", f.one_rank},     {"drains", f.drains}, {"run", f.run}};
        for (std::size_t i = 0; i < p.parts.size(); ++i) {
            const RankPlan& part = p.parts[i];
            Json rank{{"first_module", part.first + 1}, {"modules", part.modules}, {"parameters", part.plan.parameters}};
            for (const greedy::ArenaUse& use : part.plan.arenas) rank["arenas"][use.name] = use.planned;
            rank["arena_bytes"] = part.plan.arena_bytes();
            rank["links"] = part.links;
            rank["process"] = part.process;
            if (timed(r)) rank["seconds"] = f.ranks[i];
            plan["parts"].push_back(rank);
        }
        json["plans"].push_back(plan);
    }
    return json;
}

}  // namespace gleam::tools
